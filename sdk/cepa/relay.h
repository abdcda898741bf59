/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay of the network, as a plugin sees it. */
#ifndef CEPA_RELAY_H
#define CEPA_RELAY_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the consensus says of a relay (dir-spec: consensus "s" line). */
enum
{
  CEPA_RELAY_AUTHORITY = 1u << 0,
  CEPA_RELAY_BAD_EXIT = 1u << 1,
  CEPA_RELAY_EXIT = 1u << 2,
  CEPA_RELAY_FAST = 1u << 3,
  CEPA_RELAY_GUARD = 1u << 4,
  CEPA_RELAY_HSDIR = 1u << 5,
  CEPA_RELAY_MIDDLE_ONLY = 1u << 6,
  CEPA_RELAY_NO_ED_CONSENSUS = 1u << 7,
  CEPA_RELAY_STABLE = 1u << 8,
  CEPA_RELAY_STALE_DESC = 1u << 9,
  CEPA_RELAY_RUNNING = 1u << 10,
  CEPA_RELAY_V2DIR = 1u << 11,
  CEPA_RELAY_VALID = 1u << 12,
  CEPA_RELAY_HAS_KEYS = 1u << 30, /* not of the consensus: its microdescriptor is here, so it can be extended to */
};

/* Where in a path a relay stands. */
typedef enum
{
  CEPA_PLACE_GUARD = 0,
  CEPA_PLACE_MIDDLE = 1,
  CEPA_PLACE_EXIT = 2,
} CepaPlace;

/* How many places there are. */
#define CEPA_N_PLACES 3

/* Subprotocols that change what a client does: bits of CepaRelay.protocols (tor-spec: subprotocol versioning). */
#define CEPA_PROTOCOL_CONFLUX_1 (UINT64_C (1) << 0) /* joins circuits */
#define CEPA_PROTOCOL_CONS_2 (UINT64_C (1) << 1) /* consensuses with more than one hash */
#define CEPA_PROTOCOL_DESC_2 (UINT64_C (1) << 2) /* descriptors with Ed25519 keys */
#define CEPA_PROTOCOL_DIRCACHE_2 (UINT64_C (1) << 3) /* serves consensus diffs */
#define CEPA_PROTOCOL_FLOWCTRL_1 (UINT64_C (1) << 4) /* authenticated SENDMEs */
#define CEPA_PROTOCOL_FLOWCTRL_2 (UINT64_C (1) << 5) /* congestion control */
#define CEPA_PROTOCOL_HSDIR_2 (UINT64_C (1) << 6) /* keeps descriptors of v3 services */
#define CEPA_PROTOCOL_HSINTRO_4 (UINT64_C (1) << 7) /* introduction points of v3 services */
#define CEPA_PROTOCOL_HSINTRO_5 (UINT64_C (1) << 8) /* that heed limits against floods */
#define CEPA_PROTOCOL_HSREND_2 (UINT64_C (1) << 9) /* rendezvous points of v3 services */
#define CEPA_PROTOCOL_LINK_4 (UINT64_C (1) << 10) /* circuit ids of four bytes */
#define CEPA_PROTOCOL_LINK_5 (UINT64_C (1) << 11) /* padding of links */
#define CEPA_PROTOCOL_MICRODESC_2 (UINT64_C (1) << 12) /* microdescriptors with Ed25519 keys */
#define CEPA_PROTOCOL_PADDING_2 (UINT64_C (1) << 13) /* padding machines of circuits */
#define CEPA_PROTOCOL_RELAY_2 (UINT64_C (1) << 14) /* extends by Ed25519 identities */
#define CEPA_PROTOCOL_RELAY_3 (UINT64_C (1) << 15) /* extends over IPv6 */
#define CEPA_PROTOCOL_RELAY_4 (UINT64_C (1) << 16) /* ntor-v3 */
#define CEPA_PROTOCOL_RELAY_5 (UINT64_C (1) << 17) /* subprotocol requests */
#define CEPA_PROTOCOL_RELAY_6 (UINT64_C (1) << 18) /* Counter Galois Onion */

/**
 * CepaRelay:
 *
 * A row of the table; read-only. Later versions may add members at the end: never copy or index rows as an array,
 * step with the table's stride.
 *
 * @weight is, per CepaPlace, the bandwidth times the consensus' weights for the place and the relay's flags
 * (dir-spec: "bandwidth-weights"; 0.4.9's choice), all rows and places scaled by one power of two so that the
 * greatest fits: relays are drawn in proportion to it. It is 0 where the relay cannot stand: not Running, not
 * Valid or without keys; at the guard's place without Guard, at the exit's without Exit or with BadExit, at
 * both with MiddleOnly. When all who could stand at a place would have 0, as in a private network whose
 * bandwidths nobody has measured, each of them has 1.
 */
typedef struct
{
  uint8_t rsa_id[20];             /* SHA-1 of the RSA identity key */
  uint8_t ed25519_id[32];         /* zeros when it has none, or none that the authorities agree on */
  uint32_t ipv4;                  /* host byte order; 0 when it has none */
  uint8_t ipv6[16];               /* network byte order; zeros when it has none */
  uint16_t or_port;               /* of ipv4 */
  uint16_t ipv6_port;             /* 0 without IPv6 */
  uint32_t flags;                 /* CEPA_RELAY_* */
  uint32_t bandwidth;             /* consensus weight, kilobytes per second */
  uint32_t weight[CEPA_N_PLACES]; /* see above */
  uint32_t family;                /* 0: alone. Rows with different numbers are not of one family; of two with
                                     the same number cepa_network_view_same_family() knows */
  uint32_t exit_policy;           /* for cepa_network_view_exit_allows() */
  char nickname[20];              /* terminated by zero */

  /* Since 1.1: there when the table's stride reaches them. */
  uint32_t as_number; /* of the network that announces ipv4; 0 when it is not known */
  uint64_t protocols; /* CEPA_PROTOCOL_*: what its "pr" line says */
  char country[4];    /* of ipv4: two small letters and zeros; empty when it is not known */
  uint32_t reserved;  /* 0 */
} CepaRelay;

/* Returns: whether both relays have IPv4 addresses in one /16, or both have IPv6 addresses and these are in one /32. */
static inline int
cepa_relay_same_subnet (const CepaRelay *self, const CepaRelay *other)
{
  if (self->ipv4 != 0 && other->ipv4 != 0 && (self->ipv4 ^ other->ipv4) >> 16 == 0)
    return 1;
  return self->ipv6_port != 0 && other->ipv6_port != 0 && memcmp (self->ipv6, other->ipv6, 4) == 0;
}

#ifdef __cplusplus
}
#endif

#endif
