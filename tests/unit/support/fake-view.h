/* SPDX-License-Identifier: BSD-3-Clause */
/* A made-up network as plugins see it, and the rules of paths written apart from the daemon and the plugins. */
#pragma once

#include <cepa/path.h>

#include "base/random.h"

G_BEGIN_DECLS

#define FAKE_VIEW_MAX_RELAYS 4000

/* What most relays have. */
#define FAKE_VIEW_USABLE \
  (CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS | CEPA_RELAY_FAST | CEPA_RELAY_STABLE)

/* Exit policies. */
enum
{
  FAKE_POLICY_NONE,
  FAKE_POLICY_WEB,  /* 80 and 443 */
  FAKE_POLICY_MAIL, /* 25, and 443 over IPv6 */
};

/**
 * FakeView:
 * @host: for plugins: chance alone, from @random
 * @random: its seed is always the same
 *
 * Two relays with one family number are of one family when the sum of their rows is even.
 */
typedef struct
{
  CepaNetworkView view;
  CepaRelay relays[FAKE_VIEW_MAX_RELAYS];
  CepaHost host;
  CepaRandomSeeded random;
} FakeView;

/* Without relays, of version 1. */
void fake_view_init (FakeView *self);

/* Adds a relay in a /16 of its own, with @weight wherever its flags let it stand. */
CepaRelay *fake_view_add (FakeView *self, guint32 flags, guint32 weight, guint32 policy);

/* Adds one with flags, weights, family and networks by chance, most of them as in a real network. */
void fake_view_add_random (FakeView *self);

gboolean fake_view_exit_allows (guint32 policy, guint16 port, gboolean ipv6);

/* Whether two relays may be in one path. */
gboolean fake_view_may_meet (const FakeView *self, guint32 a, guint32 b, gboolean any_subnet);

/* The place whose weights and bars count for the hop @hop. */
CepaPlace fake_view_place_of (const CepaPathRequest *request, guint hop);

/* Whether the row is one that @request allows for the hop @hop, whoever else is in the path. */
gboolean fake_view_may_stand (const FakeView *self, const CepaPathRequest *request, guint hop, guint32 row);

/* Whether the row @a as the hop @hop_a, and @b as @hop_b, may be in one path for @request. */
gboolean fake_view_may_share (const FakeView *self, const CepaPathRequest *request, guint hop_a, guint32 a, guint hop_b,
                              guint32 b);

/* Asserts all conditions on the relays of a path. */
void fake_view_assert_path (const FakeView *self, const CepaPathRequest *request, const CepaPath *path);

/**
 * fake_view_assert_chi_square:
 * @seen: @chances: (array length=n): how often each came of @n_draws, and its chance
 *
 * Compares them. The bound is six standard deviations above the mean: with a fixed seed it holds always or never.
 */
void fake_view_assert_chi_square (const guint *seen, const double *chances, guint n, guint n_draws);

G_END_DECLS
