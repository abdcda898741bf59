/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bad plugins share: which rule one breaks is said by the environment, or by a macro where it is in the file
   or the tables. */
#pragma once

#include <cepa/cepa.h>
#include <signal.h>
#include <string.h>

/* Whether this run is to be bad in the way of @name. */
static inline gboolean
bad_is (const char *name)
{
  return g_strcmp0 (g_getenv ("CEPA_BAD"), name) == 0;
}

/* As writing to an address at which nothing is. */
static inline void
bad_crash (void)
{
  raise (SIGSEGV);
}
