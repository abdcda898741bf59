/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/memory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void
cepa_memory_trim (void)
{
#ifdef __GLIBC__
  malloc_trim (0);
#endif
}
