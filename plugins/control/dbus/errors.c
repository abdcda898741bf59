/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of the vocabulary as D-Bus error names. */
#include "dbus-private.h"

static const GDBusErrorEntry dbus_error_names[] = {
  { CEPA_PLUGIN_ERROR_FAILED, "org.cepa.Error.Failed" },
  { CEPA_PLUGIN_ERROR_INVALID, "org.cepa.Error.Invalid" },
  { CEPA_PLUGIN_ERROR_UNSUPPORTED, "org.cepa.Error.Unsupported" },
  { CEPA_PLUGIN_ERROR_NO_PATH, "org.cepa.Error.NoPath" },
  { CEPA_PLUGIN_ERROR_NETWORK, "org.cepa.Error.Network" },
  { CEPA_PLUGIN_ERROR_FILE, "org.cepa.Error.File" },
  { CEPA_PLUGIN_ERROR_TIMEOUT, "org.cepa.Error.Timeout" },
  { CEPA_PLUGIN_ERROR_CANCELLED, "org.cepa.Error.Cancelled" },
};

void
dbus_errors_register (void)
{
  /* Refused, and without harm, where another instance has done it. */
  for (gsize i = 0; i < G_N_ELEMENTS (dbus_error_names); i++)
    g_dbus_error_register_error (CEPA_PLUGIN_ERROR, dbus_error_names[i].error_code,
                                 dbus_error_names[i].dbus_error_name);
}

GError *
dbus_error_for_peer (const GError *error)
{
  /* D-Bus' own are ours to say, and have their names. */
  gboolean is_own = error != NULL && error->domain == G_DBUS_ERROR;
  gboolean is_known = error != NULL && error->domain == CEPA_PLUGIN_ERROR && error->code >= 0
                      && error->code < (int) G_N_ELEMENTS (dbus_error_names);
  g_autofree char *text = g_utf8_make_valid (error != NULL ? error->message : "failed without a reason", -1);

  if (is_own)
    return g_error_new_literal (error->domain, error->code, text);
  return g_error_new_literal (CEPA_PLUGIN_ERROR, is_known ? error->code : CEPA_PLUGIN_ERROR_FAILED, text);
}
