/* SPDX-License-Identifier: BSD-3-Clause */
/* What the core wants of a path. */
#ifndef CEPA_PATH_REQUEST_H
#define CEPA_PATH_REQUEST_H

#include <glib.h>

#include <cepa/types.h>
#include <cepa/version.h>

G_BEGIN_DECLS

/* No path has more relays. */
#define CEPA_PATH_MAX_HOPS 8

/* What a path must be good for. Bits of CepaPathRequest.flags. */
enum
{
  CEPA_PATH_NEED_STABLE = 1u << 0, /* long-lived: every relay has the Stable flag */
  CEPA_PATH_IPV6 = 1u << 1,        /* the exit must let IPv6 to the port through */
  CEPA_PATH_ANY_SUBNET = 1u << 2,  /* relays of one subnet may share a path (EnforceDistinctSubnets 0) */
  CEPA_PATH_VANGUARDS = 1u << 3,   /* since 1.1: family and subnet count for nobody (prop 333); no relay stands beside
                                      itself, nor with one relay between */
};

/* In CepaPathRequest.fixed: the policy chooses this hop. */
#define CEPA_PATH_ANY_ROW UINT32_MAX

/**
 * CepaPathRequest:
 *
 * What the core wants. Valid during the call. What a policy does not know it refuses with
 * CEPA_PLUGIN_ERROR_UNSUPPORTED: another purpose, a number of hops out of the range.
 */
typedef struct
{
  uint32_t size;            /* of this struct as the core knows it, bytes */
  uint32_t purpose;         /* CepaPathPurpose */
  uint32_t n_hops;          /* how many relays, 1 to CEPA_PATH_MAX_HOPS */
  uint32_t flags;           /* CEPA_PATH_* above */
  uint16_t port;            /* that the exit must allow; 0: some port, as for circuits built ahead of use */
  uint16_t reserved[3];     /* 0 */
  const uint32_t *excluded; /* (nullable) (array length=n_excluded): rows that may not be used, in ascending order */
  uint32_t n_excluded;      /* how many of them */
  uint32_t reserved2;       /* 0 */

  /* Since 1.1; read through the wrappers below. */
  const uint32_t *guards; /* (nullable) (array length=n_guards): rows that may be first, the best one first: take the
                             first that fits the rest of the path. One for which more than two that would fit are
                             passed over is refused. NULL: any Guard */
  const uint32_t *fixed;  /* (nullable) (array length=n_hops): rows that are settled, CEPA_PATH_ANY_ROW for the others */
  const uint8_t *barred;  /* (nullable) (array length=view->n_relays): where the user does not want each row: bit N for
                             the CepaPlace N. The last of a path that stays inside is at CEPA_PLACE_MIDDLE */
  uint64_t barred_id;     /* another number for another content of @barred; 0 without it */
  uint32_t n_guards;      /* how many of @guards */
  uint32_t reserved4;     /* 0 */
} CepaPathRequest;

/* Returns: whether the user does not want @row at @place (CepaPlace). */
static inline int
cepa_path_request_bars (const CepaPathRequest *self, uint32_t row, uint32_t place)
{
  return CEPA_TABLE_HAS (self, CepaPathRequest, barred) && (self->barred[row] >> place & 1u) != 0;
}

/* Returns: the row that is settled for the hop @index, below n_hops; CEPA_PATH_ANY_ROW when none is. */
static inline uint32_t
cepa_path_request_fixed (const CepaPathRequest *self, uint32_t index)
{
  return CEPA_TABLE_HAS (self, CepaPathRequest, fixed) ? self->fixed[index] : CEPA_PATH_ANY_ROW;
}

/* Returns: how many guards there are to choose from; 0: any relay with the Guard flag may be first. */
static inline uint32_t
cepa_path_request_n_guards (const CepaPathRequest *self)
{
  return CEPA_TABLE_REACHES (self, CepaPathRequest, n_guards) && self->guards != NULL ? self->n_guards : 0;
}

/* Returns: whether @row may not be used. O(log n_excluded). */
static inline int
cepa_path_request_excludes (const CepaPathRequest *self, uint32_t row)
{
  uint32_t low = 0, high = self->excluded != NULL ? self->n_excluded : 0;

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

G_END_DECLS

#endif
