# SPDX-License-Identifier: MIT
$(call host-script,tools/run/test/lanes.sh)
$(call host-script,tools/run/test/scenario.sh)
