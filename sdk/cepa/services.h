/* SPDX-License-Identifier: BSD-3-Clause */
/* The services of the host, as a plugin calls them. Each wrapper does without what the host does not have. */
#ifndef CEPA_SERVICES_H
#define CEPA_SERVICES_H

#include <string.h>

#include <cepa/host.h>

G_BEGIN_DECLS

/**
 * cepa_host_log:
 * @level: how loud
 * @text: UTF-8 in one line; addresses and targets of users have no place in it
 *
 * Writes a line to the daemon's log, prefixed with the plugin's id. Not for what happens per path or per cell.
 */
static inline void
cepa_host_log (const CepaHost *host, CepaHostLogLevel level, const char *text)
{
  if (CEPA_TABLE_HAS (host, CepaHost, log))
    host->log (host, level, text);
}

/* Fills @len bytes of @out at random, seeded in simulations; with zeros where the host has no chance to give. A plugin
   uses no other chance, or runs could not be replayed. */
static inline void
cepa_host_random (const CepaHost *host, void *out, size_t len)
{
  if (CEPA_TABLE_HAS (host, CepaHost, random))
    host->random (host, out, len);
  else
    memset (out, 0, len);
}

/* Returns: a number in [0, @limit), each equally likely; 0 for a @limit of 0. */
static inline uint64_t
cepa_host_random_below (const CepaHost *host, uint64_t limit)
{
  uint64_t value = 0, bound = limit > 0 ? UINT64_MAX - UINT64_MAX % limit : 0;

  if (limit <= 1)
    return 0;
  /* Values from @bound on would make the small results likelier; they are drawn again. */
  do
    cepa_host_random (host, &value, sizeof value);
  while (value >= bound);
  return value % limit;
}

/* Returns: microseconds that never go back, simulated in simulations: the only clock to measure with. 0 without one. */
static inline int64_t
cepa_host_monotonic_us (const CepaHost *host)
{
  return CEPA_TABLE_HAS (host, CepaHost, monotonic_us) ? host->monotonic_us (host) : 0;
}

/* Returns: seconds since 1970 UTC, for dates. 0 without a clock. */
static inline int64_t
cepa_host_wall_s (const CepaHost *host)
{
  return CEPA_TABLE_HAS (host, CepaHost, wall_s) ? host->wall_s (host) : 0;
}

/**
 * cepa_host_option:
 * @name: of an option in the plugin's table
 *
 * Returns: (transfer none) (nullable): its values, checked against the table, in the user's order, NULL at the
 * end: none, or one, or several of a list; the default where the user has not said any. The same until the
 * instance is destroyed. NULL when there is no such option.
 */
static inline const char *const *
cepa_host_option (const CepaHost *host, const char *name)
{
  return CEPA_TABLE_HAS (host, CepaHost, option) ? host->option (host, name) : NULL;
}

/* Returns: (transfer none): the option's first value; @fallback when it has none. */
static inline const char *
cepa_host_option_text (const CepaHost *host, const char *name, const char *fallback)
{
  const char *const *values = cepa_host_option (host, name);

  return values != NULL && values[0] != NULL ? values[0] : fallback;
}

/* Returns: the option's first value as a number, a bool as 0 or 1; @fallback when it has none, or none that is one. */
static inline int64_t
cepa_host_option_int (const CepaHost *host, const char *name, int64_t fallback)
{
  const char *text = cepa_host_option_text (host, name, "");
  char *end = NULL;
  int64_t value = g_ascii_strtoll (text, &end, 10);

  return end != text ? value : fallback;
}

/**
 * cepa_host_complete:
 * @task: what start or stop was given
 * @error: (nullable) (transfer full): why it failed; NULL when it is done
 *
 * Ends a task, once. May be called before the function that was given the task returns. The task of start is over
 * when stop or destroy is called, that of stop when destroy is: then it is not completed any more.
 */
static inline void
cepa_host_complete (const CepaHost *host, uint64_t task, GError *error)
{
  if (CEPA_TABLE_HAS (host, CepaHost, complete))
    host->complete (host, task, error);
  else
    g_clear_error (&error);
}

/* The plugin cannot go on: it is stopped, later and not within this call, and @error (transfer full) is shown as the
   reason. */
static inline void
cepa_host_fail (const CepaHost *host, GError *error)
{
  if (CEPA_TABLE_HAS (host, CepaHost, fail))
    host->fail (host, error);
  else
    g_clear_error (&error);
}

/* Returns: (transfer full) (nullable): the absolute path of a folder for the plugin's own files, only for this user,
   made when first asked for, to be freed with g_free(); NULL with an error of CEPA_PLUGIN_ERROR. Files beside it are
   not the plugin's. Not in create. */
static inline char *
cepa_host_directory (const CepaHost *host, GError **error)
{
  if (CEPA_TABLE_HAS (host, CepaHost, directory))
    return host->directory (host, error);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "this host has no folder for files");
  return NULL;
}

/* Returns: (transfer none) (nullable): the directory now, valid during this call into the plugin; NULL while there is
   none. */
static inline const CepaNetworkView *
cepa_host_network (const CepaHost *host)
{
  return CEPA_TABLE_HAS (host, CepaHost, network) ? host->network (host) : NULL;
}

G_END_DECLS

#endif
