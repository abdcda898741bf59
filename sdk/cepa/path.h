/* SPDX-License-Identifier: BSD-3-Clause */
/* Path plugins: which relays a circuit goes through. */
#ifndef CEPA_PATH_H
#define CEPA_PATH_H

#include <glib.h>

#include <cepa/host.h>
#include <cepa/network.h>

G_BEGIN_DECLS

#define CEPA_PATH_MAX_HOPS 8

typedef enum
{
  CEPA_PURPOSE_GENERAL = 0,  /* streams to the internet: the last hop is an exit, every relay is Fast */
  CEPA_PURPOSE_INTERNAL = 1, /* stays inside the network: the last hop is any relay that is not MiddleOnly */
} CepaPathPurpose;

/* What a path must be good for. Bits of CepaPathRequest.flags. */
enum
{
  CEPA_PATH_NEED_STABLE = 1u << 0, /* long-lived: every relay has the Stable flag */
  CEPA_PATH_IPV6 = 1u << 1,        /* the exit must let IPv6 to the port through */
  CEPA_PATH_ANY_SUBNET = 1u << 2,  /* relays of one subnet may share a path (EnforceDistinctSubnets 0) */
};

/**
 * CepaPathRequest:
 *
 * What the core wants. Read members only as far as @size reaches.
 */
typedef struct
{
  uint32_t size;
  uint32_t purpose;         /* CepaPathPurpose */
  uint32_t n_hops;          /* how many relays, 1 to CEPA_PATH_MAX_HOPS */
  uint32_t flags;           /* CEPA_PATH_* above */
  uint16_t port;            /* that the exit must allow; 0: some port, as for circuits built ahead of use */
  uint16_t reserved[3];
  const uint32_t *excluded; /* (array length=n_excluded): rows that may not be used, in ascending order */
  uint32_t n_excluded;
  uint32_t reserved2;
} CepaPathRequest;

/* Returns: whether @row may not be used. O(log n_excluded). */
static inline int
cepa_path_request_excludes (const CepaPathRequest *self, uint32_t row)
{
  uint32_t low = 0, high = self->n_excluded;

  while (low < high)
    {
      uint32_t middle = low + (high - low) / 2;

      if (self->excluded[middle] == row)
        return 1;
      if (self->excluded[middle] < row)
        low = middle + 1;
      else
        high = middle;
    }
  return 0;
}

/**
 * CepaPath:
 * @size: of the struct as the core knows it; leave it
 * @n_hops: request->n_hops
 * @hops: rows of the view, first hop first
 *
 * What the plugin proposes.
 */
typedef struct
{
  uint32_t size;
  uint32_t n_hops;
  uint32_t hops[CEPA_PATH_MAX_HOPS];
} CepaPath;

/**
 * CepaPathTable:
 *
 * What a path plugin exports. Every call is made from the one protocol thread, and must come back within
 * milliseconds: no file, no network, no waiting.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaPathTable) */
  uint16_t abi_major, abi_minor;

  /**
   * create:
   * @host: services; alive as long as the instance
   *
   * Returns: (transfer full) (nullable): an instance; NULL with an error of CEPA_PLUGIN_ERROR. No I/O.
   */
  void *(*create) (const CepaHost *host, GError **error);

  /* Frees what create gave. */
  void (*destroy) (void *self);

  /**
   * choose_path:
   * @view: the directory now
   * @request: what is wanted
   * @path: (out): filled up to request->n_hops
   *
   * The core checks the proposal and uses no path that breaks a rule: request->n_hops relays, none twice,
   * none excluded, all Running, Valid and with keys; no two of one family, nor of one subnet but with
   * CEPA_PATH_ANY_SUBNET; of several hops the first a Guard; nobody MiddleOnly first or last; for
   * CEPA_PURPOSE_GENERAL all Fast, the last an Exit, not a BadExit, whose policy lets the port through;
   * with CEPA_PATH_NEED_STABLE all Stable.
   *
   * Returns: TRUE; FALSE with CEPA_PLUGIN_ERROR_NO_PATH when no relays fit, and a sentence that says what
   * is lacking.
   */
  gboolean (*choose_path) (void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                           CepaPath *path, GError **error);

  /* (nullable): the directory has changed; @view is the new one. For preparing tables. */
  void (*network_changed) (void *self, const CepaNetworkView *view);
} CepaPathTable;

G_END_DECLS

#endif
