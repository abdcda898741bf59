/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes signed consensuses and their microdescriptors for the tests of everything above netdoc. Link
   tests/unit/netdoc/maker.c with it. */
#pragma once

#include <cepa/network.h>
#include <glib.h>

#include "netdoc/consensus.h"
#include "network/network.h"

G_BEGIN_DECLS

/* 2026-06-01 12:00:00 UTC: valid after; fresh for one hour, valid for three. */
#define TEST_CONSENSUS_VALID_AFTER_S G_GINT64_CONSTANT (1780315200)

/* What most relays of tests have. */
#define TEST_RELAY_FLAGS \
  (CEPA_RELAY_FAST | CEPA_RELAY_STABLE | CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_V2DIR)

/**
 * TestRelay:
 *
 * A relay of a test's network; number i of the array has test_relay_id (i), so that they are in order.
 */
typedef struct
{
  const char *nickname;  /* (nullable): "relay" and its number */
  guint32 flags;         /* CEPA_RELAY_* */
  guint32 bandwidth;
  guint32 ipv4;          /* 0: 10.N.0.1, each in another /16 up to 255 relays */
  const char *ipv6;      /* (nullable): of the consensus: "[2001:db8::1]:9001" */
  const char *microdesc; /* (nullable): lines behind ntor-onion-key: "family $...\np accept 80\n" */
  const char *protocols; /* (nullable): "Link=1-5 Relay=1-4" */
  guint key;             /* what the ntor key is made of; 0: the relay's number + 1 */
  const char *w;         /* (nullable): more of the "w" line: " GuardFraction=30" */
  gboolean is_absent;    /* it is not in the consensus; the others keep their identities */
} TestRelay;

typedef struct
{
  const TestRelay *relays;
  guint n_relays;
  const char *params;  /* (nullable): "use-family-ids=0" */
  const char *weights; /* (nullable): of bandwidth-weights: all 19, "Wbd=10000 ..." */
  gint64 valid_after_s; /* 0: TEST_CONSENSUS_VALID_AFTER_S; in 2026, as the authority's certificate is */
  const char *protocols; /* (nullable): whole lines: "required-client-protocols Link=4\n" */
} TestConsensus;

/* Relay @i's identity, which ascends with @i; and, (transfer full), "$" and its hexadecimal digits. */
void test_relay_id (guint i, guint8 id[20]);
char *test_relay_fingerprint (guint i);

/* (transfer full): the text of relay @i's microdescriptor. */
char *test_consensus_microdescriptor (const TestConsensus *self, guint i);

/* (transfer full): the document with its signature, by the test authority 0 of netdoc/maker.h. */
char *test_consensus_text (const TestConsensus *self);

/* (transfer full): it parsed and verified at the time from which it is valid. */
CepaConsensus *test_consensus_make (const TestConsensus *self);

/* Gives @network the microdescriptor of relay @i, without committing. Returns: how many rows it filled. */
guint test_consensus_add_microdescriptor (const TestConsensus *self, CepaNetwork *network, guint i);

/* (transfer full): the network of it with every microdescriptor. */
CepaNetwork *test_consensus_make_network (const TestConsensus *self);

/* Takes @flags from a row: being listed gives every relay Running and Valid. */
void test_network_take_flags (CepaNetwork *network, guint row, guint32 flags);

/* Prepares the libraries; call it in main() of a test that makes consensuses. */
void test_consensus_init (void);

G_END_DECLS
