/* SPDX-License-Identifier: BSD-3-Clause */
/* What this machine knows of relays besides the directory: files of countries and of autonomous systems, side tables of
   plugins, families that the user named. Read when something needs it, and handed to the directory. */
#pragma once

#include <glib.h>

#include "directory/directory.h"
#include "network/extras.h"

G_BEGIN_DECLS

/**
 * CepaKnowledgeFiles:
 * @geoip: @geoip6: GeoIPFile, GeoIPv6File: read when countries are wanted
 * @as_map: (nullable): ASFile: read at once
 */
typedef struct
{
  const char *geoip, *geoip6, *as_map;
} CepaKnowledgeFiles;

typedef struct _CepaKnowledge CepaKnowledge;

/* Something has been read, or could not be: ask cepa_knowledge_is_waiting() and cepa_knowledge_get_geoip(). */
typedef void (*CepaKnowledgeFunc) (gpointer user_data);

/**
 * cepa_knowledge_new:
 * @directory: (transfer none): outlives it; it gets what becomes known
 * @changed: called from the loop
 */
CepaKnowledge *cepa_knowledge_new (CepaDirectory *directory, CepaKnowledgeFunc changed, gpointer user_data);

/* Before this nothing is read; what is wanted by then is read from here on. */
void cepa_knowledge_start (CepaKnowledge *self);

/* Nothing is called any more; keep turning the loop until it is not busy before it is freed. */
void cepa_knowledge_stop (CepaKnowledge *self);
gboolean cepa_knowledge_is_busy (const CepaKnowledge *self);
void cepa_knowledge_free (CepaKnowledge *self);

/* From now on these are the files; what was read of others is read again if it was wanted. @files: copied */
void cepa_knowledge_set_files (CepaKnowledge *self, const CepaKnowledgeFiles *files);

/* Something needs countries: they are read, once. What cannot be read is said in the log. */
void cepa_knowledge_want_countries (CepaKnowledge *self);

/* @sets: (element-type CepaNodeSet): NodeFamily lines; kept by reference */
void cepa_knowledge_set_node_families (CepaKnowledge *self, GPtrArray *sets);

/* As cepa_extras_set_side_table(). */
gboolean cepa_knowledge_set_side_table (CepaKnowledge *self, const char *name, CepaSideTable *table);

/* Whether countries are wanted and not known yet: files are being read, or the rows do not have them yet. */
gboolean cepa_knowledge_is_waiting (const CepaKnowledge *self);

/* Returns: (transfer none) (nullable): NULL: not wanted, not read yet, or no file could be read. */
const CepaGeoip *cepa_knowledge_get_geoip (const CepaKnowledge *self);

/* @geoip: (nullable) as of cepa_knowledge_get_geoip() */
typedef void (*CepaKnowledgeCountriesFunc) (gpointer user_data, const CepaGeoip *geoip);

/* Calls @func when countries are known, or cannot be: now, or later, with NULL when it is stopped before. */
void cepa_knowledge_ask_countries (CepaKnowledge *self, CepaKnowledgeCountriesFunc func, gpointer user_data);

G_END_DECLS
