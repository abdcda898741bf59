/* SPDX-License-Identifier: BSD-3-Clause */
/* The network as a plugin sees it: one table of the relays of the verified directory. */
#ifndef CEPA_NETWORK_H
#define CEPA_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include <cepa/host.h>
#include <cepa/relay.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * CepaNetworkView:
 * @size: of this struct as the host knows it, bytes
 * @n_relays: how many rows there are; 0 is possible
 * @stride: bytes from one row to the next; at least sizeof (CepaRelay) of minor 0
 * @reserved: 0
 * @relays: (array length=n_relays): ascending by rsa_id; use cepa_network_view_relay(). (nullable): without rows
 * @valid_after_s: of the consensus, seconds since 1970
 * @version: never 0; another number whenever anything in the table has changed, the same for the same table
 *
 * One version of the directory. Valid, and unchanged, during the call that got it: keep row numbers only
 * together with @version. The functions are called through the wrappers below. Nothing of it is written to.
 */
struct _CepaNetworkView
{
  uint32_t size;
  uint32_t n_relays;
  uint32_t stride;
  uint32_t reserved;
  const CepaRelay *relays;
  int64_t valid_after_s;
  uint64_t version;

  /* cepa_network_view_exit_allows() */
  int (*exit_allows) (const CepaNetworkView *self, uint32_t policy, uint16_t port, int ipv6);
  /* cepa_network_view_same_family() */
  int (*same_family) (const CepaNetworkView *self, uint32_t a, uint32_t b);
  /* cepa_network_view_param() */
  int32_t (*param) (const CepaNetworkView *self, const char *name, int32_t fallback);

  /* Since 1.1: cepa_network_view_side_column() */
  const double *(*side_column) (const CepaNetworkView *self, const char *table, const char *column);
};

/* Returns: (transfer none): row @index, which is below n_relays. */
static inline const CepaRelay *
cepa_network_view_relay (const CepaNetworkView *self, uint32_t index)
{
  return (const CepaRelay *) (const void *) ((const char *) self->relays + (size_t) index * self->stride);
}

/**
 * cepa_network_view_exit_allows:
 * @policy: a relay's exit_policy
 * @port: 0: any port at all
 * @ipv6: whether streams to IPv6 addresses are meant
 *
 * Returns: whether the policy lets streams to @port through, as its summary in the microdescriptor says
 * (dir-spec: "p", "p6"). The exit may still refuse an address. 0 where the host cannot say.
 */
static inline int
cepa_network_view_exit_allows (const CepaNetworkView *self, uint32_t policy, uint16_t port, int ipv6)
{
  return CEPA_TABLE_HAS (self, CepaNetworkView, exit_allows) ? self->exit_allows (self, policy, port, ipv6) : 0;
}

/**
 * cepa_network_view_same_family:
 * @a: a row, below n_relays
 * @b: another, or the same
 *
 * Returns: whether both relays declare each other as family, or have a proved family id in common; a row is
 * of its own family. Neither is transitive. Where the host cannot say, one family number is one family.
 */
static inline int
cepa_network_view_same_family (const CepaNetworkView *self, uint32_t a, uint32_t b)
{
  uint32_t family = cepa_network_view_relay (self, a)->family;

  if (a == b)
    return 1;
  if (family == 0 || family != cepa_network_view_relay (self, b)->family)
    return 0;
  return CEPA_TABLE_HAS (self, CepaNetworkView, same_family) ? self->same_family (self, a, b) : 1;
}

/* Returns: the consensus parameter @name, @fallback when it is not set. */
static inline int32_t
cepa_network_view_param (const CepaNetworkView *self, const char *name, int32_t fallback)
{
  return CEPA_TABLE_HAS (self, CepaNetworkView, param) ? self->param (self, name, fallback) : fallback;
}

#ifdef __cplusplus
}
#endif

#endif
