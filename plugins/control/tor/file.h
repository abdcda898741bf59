/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files that others wait for: the cookie, and the list of ports. */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A file that is ours as long as it is the same one. */
typedef struct
{
  char *path; /* (nullable): NULL for none */
  dev_t device;
  ino_t inode;
} CepaTorFile;

/**
 * cepa_tor_file_write:
 * @self: of zeros, or an earlier file
 *
 * Puts a file of mode 0600 at @path in one step: whoever opens it finds the old one or the whole new one.
 *
 * Returns: FALSE with CEPA_PLUGIN_ERROR_FILE; nothing is left behind then.
 */
gboolean cepa_tor_file_write (CepaTorFile *self, const char *path, const void *data, gsize len, GError **error);

/* Remembers what is at @path now. Returns: FALSE with CEPA_PLUGIN_ERROR_FILE. */
gboolean cepa_tor_file_adopt (CepaTorFile *self, const char *path, GError **error);

/* Removes the file, unless another one has taken its place, and forgets it. */
void cepa_tor_file_remove (CepaTorFile *self);

G_END_DECLS
