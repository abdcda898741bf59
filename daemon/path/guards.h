/* SPDX-License-Identifier: BSD-3-Clause */
/* Which relays a client goes through first: few, and the same for months (guard-spec, which is proposal 271; proposal 310
   for the order). A state machine without I/O: times, randomness and the network are handed in. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "network/network.h"
#include "path/path-bias.h"

G_BEGIN_DECLS

typedef struct _CepaGuards CepaGuards;
typedef struct _CepaGuardTicket CepaGuardTicket;

/* What a guard is wanted for. */
typedef enum
{
  CEPA_GUARD_DATA,      /* a circuit of several hops: the guard's keys must be here */
  CEPA_GUARD_DIRECTORY, /* a circuit of one hop, to ask it for directory documents */
} CepaGuardKind;

/* The sets of guards that are kept apart (guard-spec 2). */
typedef enum
{
  CEPA_GUARDS_DEFAULT,
  CEPA_GUARDS_RESTRICTED, /* the user's options leave too few of the network's guards */
  CEPA_GUARDS_BRIDGES,
} CepaGuardsSelection;

#define CEPA_N_GUARDS_SELECTIONS 3

/**
 * CepaGuardsConfig:
 *
 * The user's options. Numbers of 0 are as the consensus says.
 */
typedef struct
{
  gboolean use_entry_guards; /* FALSE: no guards are kept: any relay with the Guard flag may be first */
  gboolean use_bridges;
  guint n_entry_guards;      /* NumEntryGuards: how many primary guards circuits are spread over */
  guint n_directory_guards;  /* NumDirectoryGuards: and requests for directory documents */
  guint n_primary_guards;    /* NumPrimaryGuards */
  gint64 lifetime_s;         /* GuardLifetime */
  CepaPathBiasConfig path_bias;
} CepaGuardsConfig;

/* C Tor's defaults. */
void cepa_guards_config_init (CepaGuardsConfig *self);

/* A bridge that the user has given. */
typedef struct
{
  guint8 rsa_id[20];
  char address[56];       /* "192.0.2.1:443", "[2001:db8::1]:443" */
  char nickname[20];      /* empty when it is not known */
  gboolean has_keys;      /* its descriptor is here */
} CepaGuardBridge;

/**
 * CepaGuardRestriction:
 * @exit_id: (nullable): RSA identity of the circuit's last relay: neither that relay nor one of its family or (without
 *   @any_subnet) network may be the guard
 * @excluded: (array length=n_excluded): RSA identities that may not either: guards of the circuit's other legs
 * @outdated: (array length=n_outdated): that lacked documents which others have. Left out while there are ten usable
 *   guards; another primary guard is taken in place of each
 *
 * What one circuit does not allow. All of it is copied where it is kept.
 */
typedef struct
{
  const guint8 *exit_id;
  gboolean any_subnet;
  guint n_excluded, n_outdated;
  const guint8 (*excluded)[20];
  const guint8 (*outdated)[20];
} CepaGuardRestriction;

/* What a guard is known to do. */
typedef enum
{
  CEPA_GUARD_MAYBE, /* not tried since the start, or long enough ago to try again */
  CEPA_GUARD_UP,
  CEPA_GUARD_DOWN,
} CepaGuardReachable;

/* A guard of a set, for those who watch. */
typedef struct
{
  guint8 rsa_id[20];
  char nickname[20];
  char bridge_address[56]; /* empty but for bridges */
  CepaGuardsSelection selection;
  gboolean is_current;     /* its set is the one in use */
  gboolean is_listed;      /* in the consensus, or among the user's bridges */
  gboolean is_filtered;    /* the user's options allow it */
  gint primary_index;      /* -1: not a primary guard */
  gint confirmed_index;    /* -1: never used */
  CepaGuardReachable reachable;
  gint64 sampled_on_s, confirmed_on_s, unlisted_since_s; /* since 1970, back-dated by chance; 0: not so */
  gint64 failing_since_s;  /* 0: not failing */
  CepaPathBias path_bias;
} CepaGuardInfo;

/* What happens to guards; C Tor's words for GUARD events. */
typedef enum
{
  CEPA_GUARD_EVENT_NEW,     /* it has been sampled */
  CEPA_GUARD_EVENT_UP,
  CEPA_GUARD_EVENT_DOWN,
  CEPA_GUARD_EVENT_BAD,     /* not usable any more: unlisted, barred, or dropped for its path bias */
  CEPA_GUARD_EVENT_GOOD,    /* usable again */
  CEPA_GUARD_EVENT_DROPPED, /* it has left the set */
} CepaGuardEvent;

/* Returns: (transfer none): "NEW" and so on. */
const char *cepa_guard_event_to_string (CepaGuardEvent event);

/* Returns: (transfer none): "default", "restricted", "bridges". */
const char *cepa_guards_selection_to_string (CepaGuardsSelection selection);

/**
 * CepaGuardsFuncs:
 * @changed: (nullable): what cepa_guards_to_variant() gives is another; to be saved some time
 * @event: (nullable): something happened to a guard
 * @switched: (nullable): another set is in use: no circuit that there is may take new streams
 *
 * Called in the middle of things: look, note, and come back.
 */
typedef struct
{
  void (*changed) (gpointer user_data);
  void (*event) (gpointer user_data, CepaGuardEvent event, const CepaGuardInfo *guard);
  void (*switched) (gpointer user_data);
} CepaGuardsFuncs;

/**
 * cepa_guards_new:
 * @clock: @random: (transfer none): outlive it
 * @config: copied
 *
 * Returns: (transfer full): no guards yet: give it what was kept (cepa_guards_from_variant()), then a network.
 */
CepaGuards *cepa_guards_new (const CepaClock *clock, CepaRandom *random, const CepaGuardsConfig *config);

/* Its tickets may live on: they are good for nothing then but to be freed. */
void cepa_guards_free (CepaGuards *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaGuards, cepa_guards_free)

/* @funcs: (transfer none): a table of constants */
void cepa_guards_set_funcs (CepaGuards *self, const CepaGuardsFuncs *funcs, gpointer user_data);

/* Other options in place of the former: filters, sizes and limits follow. */
void cepa_guards_set_config (CepaGuards *self, const CepaGuardsConfig *config);

/**
 * cepa_guards_set_network:
 * @network: (transfer none) (nullable): kept by reference; committed
 * @barred: (nullable) (array): bits of CepaPlace by row, as CepaPathRequest.barred; copied. Rows whose bit for
 *   CEPA_PLACE_GUARD is set are filtered out: ExcludeNodes, EntryNodes, addresses that cannot be reached
 *
 * A new consensus, more microdescriptors, or other restrictions: chooses the set to use, notes who is listed, drops who is
 * too old, samples. An expired consensus of more than a day changes nothing in the sets (C Tor's "reasonably live").
 */
void cepa_guards_set_network (CepaGuards *self, CepaNetwork *network, const guint8 *barred);

/* The user's bridges, in place of the former; copied. */
void cepa_guards_set_bridges (CepaGuards *self, const CepaGuardBridge *bridges, guint n_bridges);

/* ---- choosing ---- */

/**
 * cepa_guards_list_candidates:
 * @restriction: (nullable)
 * @rows: (element-type guint32): emptied, then filled with rows of the network, the best one first: for
 *   CepaPathRequest.guards. While a primary guard fits, the usable primary ones that circuits are spread over come first,
 *   in an order drawn for this call; behind them the rest, for paths that those do not fit.
 *
 * Returns: FALSE when no guards are kept (UseEntryGuards 0) or the set in use is of bridges, which have no rows. With TRUE
 * and no rows, nobody is usable now: all are marked to be tried again, ask later.
 */
gboolean cepa_guards_list_candidates (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction,
                                      GArray *rows);

/**
 * cepa_guards_list_identities:
 * @identities: (element-type guint8[20]): emptied, then filled, as above: also with bridges
 *
 * Returns: FALSE when no guards are kept.
 */
gboolean cepa_guards_list_identities (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction,
                                      GArray *identities);

/* Returns: how many of the first primary guards (those that circuits are spread over, and may be reachable) have no
   microdescriptor yet: until they have, no circuit is built (guard-spec 4.12). */
guint cepa_guards_count_missing (CepaGuards *self);

/* What becomes of a circuit that has been built. */
typedef enum
{
  CEPA_GUARD_USE,  /* it may take streams */
  CEPA_GUARD_WAIT, /* GUARD_WAIT: keep it, a better one may come; CepaGuardTicketFunc tells */
  CEPA_GUARD_DROP, /* close it */
} CepaGuardVerdict;

/**
 * CepaGuardTicketFunc:
 * @verdict: USE or DROP
 *
 * What became of a ticket that had to wait. Called once, from cepa_guards_update() only: so never below a call about
 * another ticket. The ticket may be freed in it.
 */
typedef void (*CepaGuardTicketFunc) (gpointer user_data, CepaGuardTicket *ticket, CepaGuardVerdict verdict);

/**
 * cepa_guards_attempt:
 * @rsa_id: the first relay of a circuit that is being launched
 * @restriction: (nullable): with exit_id set for circuits of several hops
 * @func: (nullable): for CEPA_GUARD_DIRECTORY, where WAIT may be taken for USE
 *
 * Returns: (transfer full) (nullable): the circuit's ticket, freed when the circuit is closed. NULL when guards are kept
 * and this relay is none of the set in use: it must not be connected to. Where no guards are kept, or for a relay that is
 * asked as a fallback or an authority, there is nothing to attempt: go without.
 */
CepaGuardTicket *cepa_guards_attempt (CepaGuards *self, const guint8 rsa_id[20], CepaGuardKind kind,
                                      const CepaGuardRestriction *restriction, CepaGuardTicketFunc func,
                                      gpointer user_data);

/* Whether the circuit may take streams as soon as it is built: its guard is a primary one. */
gboolean cepa_guard_ticket_is_usable_on_completion (const CepaGuardTicket *self);

/* Whether it is built and has to wait: GUARD_WAIT in circuit-status. */
gboolean cepa_guard_ticket_is_waiting (const CepaGuardTicket *self);

/* The circuit is built (every hop answered), or the directory has answered. Call cepa_guards_update() after it, in a turn
   of its own. */
CepaGuardVerdict cepa_guard_ticket_succeeded (CepaGuardTicket *self);

/* The guard is to blame: no connection to it, a wrong identity, a handshake with it that failed, or no answer to CREATE in
   time. Not for later hops. Call cepa_guards_update() after it. */
void cepa_guard_ticket_failed (CepaGuardTicket *self);

/* For every circuit that ends, after the above or without it (no blame then). @ticket: (nullable) */
void cepa_guard_ticket_free (CepaGuardTicket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaGuardTicket, cepa_guard_ticket_free)

/**
 * cepa_guards_update:
 *
 * Decides which waiting tickets may be used and which have waited too long. To be called after tickets succeeded, failed
 * or were freed, and at the time that it returns.
 *
 * Returns: the monotonic time in microseconds at which it wants to be called again, -1: at none.
 */
gint64 cepa_guards_update (CepaGuards *self);

/* A relay answered: the network is up. Called by the tickets; for channels that open for other reasons. */
void cepa_guards_note_internet (CepaGuards *self);

/* ---- path bias: circuits of several hops whose path was chosen by us; path-bias.h ---- */

void cepa_guard_ticket_first_hop_built (CepaGuardTicket *self); /* the second hop has been asked for */
void cepa_guard_ticket_used (CepaGuardTicket *self);            /* a stream is tried on it */
void cepa_guard_ticket_use_succeeded (CepaGuardTicket *self);   /* the last hop answered a stream or a probe */
void cepa_guard_ticket_use_rolled_back (CepaGuardTicket *self); /* a stream left it, to be tried elsewhere */
void cepa_guard_ticket_timed_out (CepaGuardTicket *self);       /* it took too long to build */

void cepa_guard_ticket_probe_failed (CepaGuardTicket *self);    /* the probe came back wrong, or not at all */

/* Whether the circuit was used and nothing proves that it works: probe it before it is closed. */
gboolean cepa_guard_ticket_wants_probe (const CepaGuardTicket *self);

/* The circuit is closed, @by_others: by a relay or with its channel. At most once, before the ticket is freed. */
void cepa_guard_ticket_closed (CepaGuardTicket *self, gboolean by_others);

/* ---- keeping and watching ---- */

/* Returns: (transfer none): of the set in use. */
CepaGuardsSelection cepa_guards_get_selection (const CepaGuards *self);

typedef void (*CepaGuardsEachFunc) (gpointer user_data, const CepaGuardInfo *guard);

/* Calls @func for every guard of every set, those of the set in use first, each in sample order. */
void cepa_guards_foreach (CepaGuards *self, CepaGuardsEachFunc func, gpointer user_data);

/* Forgets every guard, and samples anew (C Tor's DROPGUARDS): it costs the user much of what guards are for. */
void cepa_guards_drop_all (CepaGuards *self);

/* Returns: (transfer full): a{sv}, floating: for the section "guards" of the state file. */
GVariant *cepa_guards_to_variant (CepaGuards *self);

/**
 * cepa_guards_from_variant:
 * @variant: a{sv} as cepa_guards_to_variant() gives it, or as JSON keeps it
 *
 * In place of the guards that there are; before a network is given.
 *
 * Returns: FALSE with CEPA_ERROR_FILE that says what is wrong: nothing has changed then. Dates in the future are taken
 * for now.
 */
gboolean cepa_guards_from_variant (CepaGuards *self, GVariant *variant, GError **error);

/**
 * cepa_guards_import_tor:
 * @text: of C Tor's state file
 * @n_imported: (out) (optional)
 *
 * Takes the guards of C Tor's sets, with their order, dates and path-bias counts, in place of those that there are.
 *
 * Returns: FALSE with CEPA_ERROR_FILE naming the line when one cannot be read, or when there is no guard.
 */
gboolean cepa_guards_import_tor (CepaGuards *self, const char *text, gsize len, guint *n_imported, GError **error);

G_END_DECLS
