# SPDX-License-Identifier: MIT
$(call static-library,hostops,$(wildcard userspace/hostops/*.c),-Iuserspace/hostops)
$(call host-test,hostops,userspace/hostops/test/hostops_test.c,hostops)
# Rows of floats: worth vectorising. (No option here may change the order of a sum.)
$(call compile-flags,userspace/hostops/linear.c userspace/hostops/conv.c,-O3)
