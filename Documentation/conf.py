# SPDX-License-Identifier: GPL-2.0-only
#
# Documentation as the kernel builds its own: with its sphinx extensions, on a tree that tools/doc/sphinx
# makes look like one of the kernel.

import os
import sys

srctree = os.environ['srctree']
sys.path.insert(0, os.path.join(srctree, 'Documentation/sphinx'))

project = 'Loom'
extensions = ['kerneldoc', 'kernel_abi', 'rstFlatTable', 'automarkup']
root_doc = 'accel/loom/index'
html_theme = 'alabaster'
html_copy_source = False

kerneldoc_bin = os.path.join(srctree, 'scripts/kernel-doc')
kerneldoc_srctree = srctree

c_id_attributes = ['__user', '__iomem', '__rcu', '__must_check']

# Types of the kernel, and of the driver itself, are on no page.
nitpick_ignore_regex = [('c:identifier', '.*')]
