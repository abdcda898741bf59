/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in paths the user does not want which relays. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "network/node-set.h"
#include "network/reachability.h"

G_BEGIN_DECLS

/**
 * CepaRestrictionsConfig:
 * @exclude: (nullable): ExcludeNodes: nowhere. @exclude_exit: (nullable): ExcludeExitNodes: not last
 * @entry: @middle: @exit: (nullable): EntryNodes, MiddleNodes, ExitNodes: nobody else there
 * @exclude_unknown: GeoIPExcludeUnknown: 1, 0, or -1 (auto: where @exclude or @exclude_exit have countries)
 * @is_strict: StrictNodes: @exclude also where a service would be lost by it; see cepa_restrictions_is_strict()
 * @reachability: what the first relay must be; with its policy
 *
 * The user's settled options. Sets and policy are kept by reference.
 */
typedef struct
{
  CepaNodeSet *exclude, *exclude_exit, *entry, *middle, *exit;
  gint exclude_unknown;
  gboolean is_strict;
  CepaReachability reachability;
} CepaRestrictionsConfig;

#define CEPA_RESTRICTIONS_CONFIG_INIT \
  { NULL, NULL, NULL, NULL, NULL, -1, FALSE, CEPA_REACHABILITY_INIT }

/* What of a request comes from the restrictions. */
typedef struct
{
  const guint8 *rows; /* (nullable) (array length=n_relays): CepaPathRequest.barred; NULL: nothing is barred */
  guint64 id;         /* CepaPathRequest.barred_id */
} CepaBarred;

typedef struct _CepaRestrictions CepaRestrictions;

/* @config: copied */
CepaRestrictions *cepa_restrictions_new (const CepaRestrictionsConfig *config);
void cepa_restrictions_free (CepaRestrictions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaRestrictions, cepa_restrictions_free)

/* Other options are in force from now on: what cepa_restrictions_get() gave is void. */
void cepa_restrictions_set_config (CepaRestrictions *self, const CepaRestrictionsConfig *config);

/* @want: (nullable): called when an exit's country is asked for and no countries are known: it may have them read, and
   say so by cepa_restrictions_set_waiting(). */
void cepa_restrictions_set_want_countries (CepaRestrictions *self, void (*want) (gpointer user_data),
                                           gpointer user_data);

/* An exit's country will be asked for: see above. @network: (nullable) */
void cepa_restrictions_want_countries (CepaRestrictions *self, const CepaNetwork *network);

/* Countries are being read (or not any more): until then no path is made by options, or a wish, that need them. */
void cepa_restrictions_set_waiting (CepaRestrictions *self, gboolean is_waiting);

/* Whether countries are being read: launching circuits may as well wait for them. */
gboolean cepa_restrictions_is_waiting (const CepaRestrictions *self);

/**
 * cepa_restrictions_get:
 * @exit_country: (nullable): two letters, in any case: exits of this country alone
 * @barred: (out): valid until the next call of anything here
 *
 * Computed once for each network, options and country, O(relays), and kept. What leaves nobody for a place is logged
 * once as a warning that names the option.
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG when countries are not known (no GeoIP file) or @exit_country is none; with
 * CEPA_ERROR_NO_PATH when no exit in @exit_country is left, or while the options wait for countries to be read.
 */
gboolean cepa_restrictions_get (CepaRestrictions *self, const CepaNetwork *network, const char *exit_country,
                                CepaBarred *barred, GError **error);

/**
 * cepa_restrictions_allows:
 *
 * Whether @row may stand at @place, without an exit's country; nowhere while the options wait for countries. For
 * circuits that are there already: one with a relay that is not allowed takes no new streams.
 */
gboolean cepa_restrictions_allows (CepaRestrictions *self, const CepaNetwork *network, guint row, CepaPlace place);

/**
 * cepa_restrictions_allows_server:
 * @relay: what is known of it
 * @has_countries: whether an empty country means that it is not known
 * @even_excluded: there is nobody else: without StrictNodes the excluded are asked too
 *
 * Whether it may be asked for directory documents: reachable, and not excluded.
 */
gboolean cepa_restrictions_allows_server (const CepaRestrictions *self, const CepaRelay *relay, gboolean has_countries,
                                          gboolean even_excluded);

/* Whether the excluded are not used even where there is nobody else: for onion services' relays and directory
   requests. Exits, middles and guards of circuits are never drawn from the excluded either way. */
gboolean cepa_restrictions_is_strict (const CepaRestrictions *self);

/* Whether the options are about countries, or about relays of no known one, so that a GeoIP file is needed. */
gboolean cepa_restrictions_need_countries (const CepaRestrictions *self);

/* Returns: (transfer none): what is in force. */
const CepaRestrictionsConfig *cepa_restrictions_get_config (const CepaRestrictions *self);

G_END_DECLS
