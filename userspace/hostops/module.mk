# SPDX-License-Identifier: MIT
$(call static-library,hostops,$(wildcard userspace/hostops/*.c),-Iuserspace/hostops)
$(call host-test,hostops,userspace/hostops/test/hostops_test.c,hostops)
