# SPDX-License-Identifier: MIT
$(eval $(call static-library,hostops,$(wildcard userspace/hostops/*.c),-Iuserspace/hostops))
