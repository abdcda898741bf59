/* SPDX-License-Identifier: BSD-3-Clause */
#include "allocations.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATIONS_OF_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ALLOCATIONS_OF_SANITIZER 1
#endif
#endif

static __thread gboolean allocations_are_counted;
static __thread guint allocations_n;

#ifndef ALLOCATIONS_OF_SANITIZER

/* glibc's own names for what the functions below stand before. */
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *data, size_t size);

/* The linker exports these, as GLib wants functions of these names: it gets ours, as the plugin does. */
void *
malloc (size_t size)
{
  allocations_n += allocations_are_counted;
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  allocations_n += allocations_are_counted;
  return __libc_calloc (n, size);
}

void *
realloc (void *data, size_t size)
{
  allocations_n += allocations_are_counted;
  return __libc_realloc (data, size);
}

gboolean
cepa_allocations_can_count (void)
{
  return TRUE;
}

#else

gboolean
cepa_allocations_can_count (void)
{
  return FALSE;
}

#endif

void
cepa_allocations_begin (void)
{
  allocations_n = 0;
  allocations_are_counted = TRUE;
}

guint
cepa_allocations_end (void)
{
  allocations_are_counted = FALSE;
  return allocations_n;
}
