/* SPDX-License-Identifier: BSD-3-Clause */
/* Path plugins: which relays a circuit goes through. */
#ifndef CEPA_PATH_H
#define CEPA_PATH_H

#include <glib.h>

#include <cepa/host.h>
#include <cepa/network.h>
#include <cepa/path-request.h>

G_BEGIN_DECLS

/**
 * CepaPath:
 * @size: of this struct, bytes; leave it
 * @n_hops: request->n_hops
 * @hops: rows of the view, first hop first
 *
 * What the plugin proposes. It never grows, for CepaPathResult holds one.
 */
typedef struct
{
  uint32_t size;
  uint32_t n_hops;
  uint32_t hops[CEPA_PATH_MAX_HOPS];
} CepaPath;

/* How a circuit over a proposed path went. */
typedef enum
{
  CEPA_PATH_BUILT = 0,   /* every hop answered */
  CEPA_PATH_FAILED = 1,  /* a relay refused, vanished or broke the protocol; n_built says how far it came */
  CEPA_PATH_TIMEOUT = 2, /* it took too long */
} CepaPathOutcome;

/* What became of a path. Rows are of the view that is given with it, and were so when it was proposed. */
typedef struct
{
  uint32_t size;     /* of this struct as the core knows it, bytes */
  uint32_t outcome;  /* CepaPathOutcome */
  uint32_t n_built;  /* hops that answered */
  uint32_t build_ms; /* from the choice of the path to the end, with connecting to the first relay if that was needed */
  uint64_t circuit;  /* its number, as in events */
  CepaPath path;     /* as it was proposed */
} CepaPathResult;

/**
 * CepaPathTable:
 *
 * What a path plugin gives: choose_path, or weigh, or both. The core checks every proposal and uses no path that breaks
 * a rule: request->n_hops relays, none twice, none excluded or barred from its place, all Running, Valid and with keys;
 * the settled ones where they are settled, the first one of the request's guards where it has some; no two of one family,
 * nor of one subnet but with CEPA_PATH_ANY_SUBNET; of several hops the first a Guard; nobody MiddleOnly first or last;
 * for CEPA_PURPOSE_GENERAL all Fast, the last an Exit, not a BadExit, whose policy lets the port through; with
 * CEPA_PATH_NEED_STABLE all Stable. A proposal that breaks one is counted, and path.weighted is asked instead.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaPathTable) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */

  /**
   * choose_path: (nullable)
   * @view: the directory now
   * @request: what is wanted
   * @path: (out caller-allocates): n_hops, and hops as far as that, to be filled in
   *
   * Returns: TRUE; FALSE with CEPA_PLUGIN_ERROR_NO_PATH when no relays fit, and a sentence that says what is lacking.
   */
  gboolean (*choose_path) (void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                           CepaPath *path, GError **error);

  /* (nullable): the directory has changed; @view is the new one. For preparing tables. */
  void (*network_changed) (void *self, const CepaNetworkView *view);

  /**
   * weigh: (nullable)
   * @place: CepaPlace; the last relay of a path that stays inside the network is one of CEPA_PLACE_MIDDLE
   * @weights: (out) (array length=view->n_relays): zeros at the call; how likely each row is to be drawn, from 0 for
   *   never; the core adds them up in 64 bits
   *
   * The easy way: the core keeps the rules and draws, exit first, then guard, then the others. Asked again for each
   * view and kind of request (purpose, n_hops, flags, port), not for each path; the request has no excluded rows then.
   *
   * Returns: TRUE; FALSE with an error of CEPA_PLUGIN_ERROR.
   */
  gboolean (*weigh) (void *self, const CepaNetworkView *view, const CepaPathRequest *request, uint32_t place,
                     uint32_t *weights, GError **error);

  /* (nullable): a circuit over a path of this instance was built, or will not be. */
  void (*result) (void *self, const CepaNetworkView *view, const CepaPathResult *result);
} CepaPathTable;

G_END_DECLS

#endif
