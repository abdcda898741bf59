/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host gives every plugin. */
#ifndef CEPA_HOST_H
#define CEPA_HOST_H

#include <glib.h>
#include <stdint.h>

#include <cepa/version.h>

G_BEGIN_DECLS

/* The domain of every GError that a plugin sets. */
#define CEPA_PLUGIN_ERROR (cepa_plugin_error_quark ())

/* The errors of plugins. Messages are sentences without full stop; the host puts the plugin's id before. */
typedef enum
{
  CEPA_PLUGIN_ERROR_FAILED = 0,      /* none of the others */
  CEPA_PLUGIN_ERROR_INVALID = 1,     /* an option or argument */
  CEPA_PLUGIN_ERROR_UNSUPPORTED = 2, /* not of this plugin */
  CEPA_PLUGIN_ERROR_NO_PATH = 3,     /* no relays fit the request */
  CEPA_PLUGIN_ERROR_NETWORK = 4,
  CEPA_PLUGIN_ERROR_FILE = 5,
  CEPA_PLUGIN_ERROR_TIMEOUT = 6,
  CEPA_PLUGIN_ERROR_CANCELLED = 7,
} CepaPluginError;

static inline GQuark
cepa_plugin_error_quark (void)
{
  return g_quark_from_static_string ("cepa-plugin-error-quark");
}

/* How loud a line in the log is: as C Tor's severities of these names. */
typedef enum
{
  CEPA_HOST_LOG_WARNING = 1,
  CEPA_HOST_LOG_NOTICE = 2,
  CEPA_HOST_LOG_INFO = 3,
  CEPA_HOST_LOG_DEBUG = 4,
} CepaHostLogLevel;

typedef struct _CepaHost CepaHost;

/**
 * CepaHost:
 * @size: of this struct as the host knows it, bytes
 * @abi_major: @abi_minor: the host's CEPA_ABI_MAJOR and CEPA_ABI_MINOR
 * @context: the host's own; not for plugins
 *
 * The table of services. Each instance has its own; it lives as long as the instance. Use the wrappers below,
 * which know what an older host does not have.
 */
struct _CepaHost
{
  uint32_t size;
  uint16_t abi_major, abi_minor;
  void *context;

  /* Writes a line to the daemon's log, prefixed with the plugin's id. @text: UTF-8, no newline. */
  void (*log) (const CepaHost *self, CepaHostLogLevel level, const char *text);
  /* Fills @len bytes at random; seeded in simulations, the system's in the daemon. */
  void (*random) (const CepaHost *self, void *out, size_t len);
  /* Microseconds that never go back; simulated time in simulations. */
  int64_t (*monotonic_us) (const CepaHost *self);
};

/**
 * cepa_host_log:
 * @text: UTF-8 in one line; addresses and targets of users have no place in it
 *
 * Writes a line to the daemon's log. Not for what happens per path or per cell.
 */
static inline void
cepa_host_log (const CepaHost *host, CepaHostLogLevel level, const char *text)
{
  if (CEPA_TABLE_HAS (host, CepaHost, log))
    host->log (host, level, text);
}

/* Fills @len bytes of @out at random. A plugin uses no other chance, or runs could not be replayed. */
static inline void
cepa_host_random (const CepaHost *host, void *out, size_t len)
{
  host->random (host, out, len);
}

/* Returns: a number in [0, @limit), each equally likely; @limit is at least 1. */
static inline uint64_t
cepa_host_random_below (const CepaHost *host, uint64_t limit)
{
  uint64_t value = 0, bound = UINT64_MAX - UINT64_MAX % limit;

  /* Values from @bound on would make the small results likelier; they are drawn again. */
  do
    cepa_host_random (host, &value, sizeof value);
  while (value >= bound);
  return value % limit;
}

/* Returns: microseconds that never go back: the only clock that a plugin may use. */
static inline int64_t
cepa_host_monotonic_us (const CepaHost *host)
{
  return host->monotonic_us (host);
}

G_END_DECLS

#endif
