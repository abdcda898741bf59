/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether this computer's clock is wrong: what relays, directory servers and the consensus say of the time. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Who says it. The words are C Tor's, for SOURCE= of CLOCK_SKEW. */
typedef enum
{
  CEPA_SKEW_OR,        /* NETINFO of a relay: worth a word beyond an hour */
  CEPA_SKEW_DIRSERV,   /* Date of a directory server's answer: beyond half an hour */
  CEPA_SKEW_CONSENSUS, /* its times */
} CepaSkewSource;

#define CEPA_SKEW_MAX_OR_S 3600
#define CEPA_SKEW_MAX_DIRSERV_S 1800
#define CEPA_SKEW_MAX_CONSENSUS_S 60

/* Two who differ by no more than this say the same. */
#define CEPA_SKEW_AGREE_S 600

/* Relays whose word is remembered. */
#define CEPA_SKEW_MAX_WITNESSES 8

typedef struct
{
  CepaSkewSource source;
  guint8 id[20];
  gint64 skew_s;
} CepaSkewWitness;

/**
 * CepaSkew:
 * @skew_s: our clock minus the right one, seconds; 0 while nothing is known to be wrong
 * @source: (nullable): who says so: "OR:192.0.2.1:443", "DIRSERV:...", "CONSENSUS"
 * @changed: (nullable): told, after the log, when it was found wrong, or right again
 *
 * An authority and a verified consensus are believed; any other relay when a second one says the same, since a single
 * one could lie. The same is said once. Starts as all zeros.
 */
typedef struct _CepaSkew CepaSkew;
struct _CepaSkew
{
  gint64 skew_s;
  char *source;
  CepaSkewWitness witnesses[CEPA_SKEW_MAX_WITNESSES];
  guint n_witnesses, next_witness;
  void (*changed) (gpointer user_data, const CepaSkew *skew);
  gpointer user_data;
};

void cepa_skew_clear (CepaSkew *self);

/**
 * cepa_skew_note:
 * @id: 20 bytes: the relay's identity
 * @address: (nullable): "192.0.2.1:443"; of a consensus none
 * @who: for people: what told the time: "relay nick at 192.0.2.1:443"
 * @skew_s: our clock minus that one, seconds
 * @is_trusted: an authority, or a consensus that enough of them have signed
 */
void cepa_skew_note (CepaSkew *self, CepaSkewSource source, const guint8 id[20], const char *address, const char *who,
                     gint64 skew_s, gboolean is_trusted);

/* Our clock was set: what was said of it holds no longer. */
void cepa_skew_forget (CepaSkew *self);

/* Returns: (transfer full): @seconds without its sign, for people: "2 hours 5 minutes". */
char *cepa_skew_format (gint64 seconds);

G_END_DECLS
