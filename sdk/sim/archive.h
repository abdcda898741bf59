/* SPDX-License-Identifier: BSD-3-Clause */
/* Recorded directory documents: a client's cache, or a month of CollecTor's. */
#pragma once

#include <glib.h>

#include "network/extras.h"
#include "network/network.h"

G_BEGIN_DECLS

/**
 * CepaSimArchive:
 *
 * Files as they were found, with the consensuses in the order of their times and the microdescriptors by digest. A
 * consensus is read when it is loaded.
 */
typedef struct _CepaSimArchive CepaSimArchive;

/**
 * cepa_sim_archive_open:
 * @paths: files, or folders that are looked through: microdescriptor consensuses, microdescriptors, key certificates,
 *   with or without "@type" lines; several in one file
 * @authorities: (nullable) (element-type CepaDirectorySource): who must have signed; NULL: nobody is asked
 *
 * What is something else is passed over in folders, and an error when it was named.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_FILE, CEPA_ERROR_BAD_DOCUMENT (which file, and why), or
 * CEPA_ERROR_NOT_FOUND when there is no consensus.
 */
CepaSimArchive *cepa_sim_archive_open (const char *const *paths, GPtrArray *authorities, GError **error);
void cepa_sim_archive_free (CepaSimArchive *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimArchive, cepa_sim_archive_free)

/* Returns: how many consensuses there are, at least one. */
guint cepa_sim_archive_get_n (const CepaSimArchive *self);

/* Returns: when consensus @i came into use, seconds since 1970; ascending with @i. */
gint64 cepa_sim_archive_get_valid_after_s (const CepaSimArchive *self, guint i);

/* Returns: until when the last one is the newest one. */
gint64 cepa_sim_archive_get_end_s (const CepaSimArchive *self);

/* Returns: (transfer none) (element-type utf8): sentences about what was passed over or refused. */
const GPtrArray *cepa_sim_archive_get_notes (const CepaSimArchive *self);

/**
 * cepa_sim_archive_load:
 * @extras: (nullable) (transfer none): countries, autonomous systems and side tables that its relays get
 *
 * Reads and checks consensus @i, as of its own time, and gives it the microdescriptors that are here.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT or CEPA_ERROR_BAD_SIGNATURE, and the file's name.
 */
CepaNetwork *cepa_sim_archive_load (const CepaSimArchive *self, guint i, CepaExtras *extras, GError **error);

G_END_DECLS
