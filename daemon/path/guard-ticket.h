/* SPDX-License-Identifier: BSD-3-Clause */
/* One circuit's use of a guard: who may be first, whether it may be used when it is built, and how it ended (guard-spec 4.6
   to 4.9). */
#pragma once

#include <glib.h>

#include "path/guard-info.h"

G_BEGIN_DECLS

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

/* Whether the guard is still one of ours: it may have left the sample since. */
gboolean cepa_guard_ticket_has_guard (const CepaGuardTicket *self);

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

G_END_DECLS
