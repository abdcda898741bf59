/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to listen, as ControlPort says it. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  GSocketAddress *socket; /* (nullable): NULL for "0": nowhere */
  char *path;             /* (nullable): of a Unix socket */
  gboolean loopback;      /* only this machine can connect */
  guint mode;             /* of the socket's file */
  gboolean any_folder;    /* the folder is not looked at */
} CepaTorAddress;

/**
 * cepa_tor_address_parse:
 * @text: "9051", "auto", "127.0.0.1:9051", "[::1]:auto", "localhost:9051", "unix:/run/x", "0"; behind a Unix socket
 *   GroupWritable, WorldWritable, RelaxDirModeCheck
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_INVALID.
 */
CepaTorAddress *cepa_tor_address_parse (const char *text, GError **error);

/* The same of a path alone, with the same flags behind it. */
CepaTorAddress *cepa_tor_address_parse_path (const char *text, GError **error);

void cepa_tor_address_free (CepaTorAddress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTorAddress, cepa_tor_address_free)

/* Returns: (transfer full): "127.0.0.1:9051", "[::1]:9051", "unix:/run/x". */
char *cepa_tor_address_to_text (GSocketAddress *address);

G_END_DECLS
