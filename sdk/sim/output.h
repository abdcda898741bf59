/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that a run leaves. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether @path can be written, as far as that can be known beforehand: a run may take hours. FALSE with CEPA_ERROR_FILE. */
gboolean cepa_sim_output_check (const char *path, GError **error);

/* Returns: a descriptor to write @path anew, or standard output for "-"; -1 with CEPA_ERROR_FILE. */
int cepa_sim_output_open (const char *path, GError **error);

/* Closes what was opened. FALSE with CEPA_ERROR_FILE when something could not be written. */
gboolean cepa_sim_output_close (int fd, const char *path, GError **error);

/* The file is of no use: closes and, where it is a file, removes it. */
void cepa_sim_output_discard (int fd, const char *path);

/* The whole of a file. What could not be written whole is removed. */
gboolean cepa_sim_output_write (const char *path, const char *text, gsize len, GError **error);

G_END_DECLS
