/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the data directory: checked, written atomically, mapped for reading. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_file_prepare_directory:
 * @path: a directory
 *
 * Makes it, and what is missing above it, with mode 0700 when it is missing; otherwise it must be a directory of this user, and group
 * and others lose their access to it.
 *
 * Returns: FALSE with CEPA_ERROR_FILE naming the path and what is wrong.
 */
gboolean cepa_file_prepare_directory (const char *path, GError **error);

/**
 * cepa_file_write:
 * @path: where to
 * @parts: (array length=n_parts): what, one after the other
 *
 * Writes a temporary file beside @path with mode 0600, syncs and renames it: @path has the old or the
 * new content, never a part.
 *
 * Returns: FALSE with CEPA_ERROR_FILE; the old file is as it was.
 */
gboolean cepa_file_write (const char *path, GBytes *const *parts, guint n_parts, GError **error);

/**
 * cepa_file_map:
 * @path: a regular file: a pipe, at which one would wait for somebody who writes, is refused
 *
 * Returns: (transfer full) (nullable): its content, mapped. NULL with CEPA_ERROR_NOT_FOUND when there is
 * none, CEPA_ERROR_FILE when it cannot be read.
 */
GBytes *cepa_file_map (const char *path, GError **error);

/**
 * cepa_file_forget_pages:
 * @mapped: (nullable): of cepa_file_map(), and of nothing else: other memory would lose its content
 *
 * What was read of it does not count as our memory any more. It is there again when it is read again.
 */
void cepa_file_forget_pages (GBytes *mapped);

/**
 * cepa_file_lock:
 * @path: the lock file, made when missing
 *
 * Returns: a file descriptor that holds an exclusive lock until it is closed; -1 with CEPA_ERROR_FILE
 * when another process holds it.
 */
int cepa_file_lock (const char *path, GError **error);

G_END_DECLS
