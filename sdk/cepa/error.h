/* SPDX-License-Identifier: BSD-3-Clause */
/* The errors that a plugin sets. */
#ifndef CEPA_ERROR_H
#define CEPA_ERROR_H

#include <glib.h>

G_BEGIN_DECLS

/* The domain of every GError that a plugin sets. */
#define CEPA_PLUGIN_ERROR (cepa_plugin_error_quark ())

/* The codes of CEPA_PLUGIN_ERROR. Messages are sentences in UTF-8, in one line and without full stop; the host puts the
   plugin's id before. */
typedef enum
{
  CEPA_PLUGIN_ERROR_FAILED = 0,      /* none of the others */
  CEPA_PLUGIN_ERROR_INVALID = 1,     /* an option or argument */
  CEPA_PLUGIN_ERROR_UNSUPPORTED = 2, /* not of this plugin */
  CEPA_PLUGIN_ERROR_NO_PATH = 3,     /* no relays fit the request */
  CEPA_PLUGIN_ERROR_NETWORK = 4,     /* somebody on the network refused, or was not there */
  CEPA_PLUGIN_ERROR_FILE = 5,        /* a file that cannot be read or written, or makes no sense */
  CEPA_PLUGIN_ERROR_TIMEOUT = 6,     /* it took too long */
  CEPA_PLUGIN_ERROR_CANCELLED = 7,   /* it was told to stop */
} CepaPluginError;

/* Returns: the domain; use CEPA_PLUGIN_ERROR. */
static inline GQuark
cepa_plugin_error_quark (void)
{
  return g_quark_from_static_string ("cepa-plugin-error-quark");
}

G_END_DECLS

#endif
