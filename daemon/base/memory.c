/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/memory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define MEMORY_LARGE (256 * 1024)

void
cepa_memory_init (void)
{
#ifdef __GLIBC__
  mallopt (M_MMAP_THRESHOLD, MEMORY_LARGE);
#endif
}

void
cepa_memory_trim (void)
{
#ifdef __GLIBC__
  malloc_trim (0);
#endif
}
