/* SPDX-License-Identifier: BSD-3-Clause */
/* Transport plugins: how the first relay is reached. What they give is a connected descriptor. */
#ifndef CEPA_TRANSPORT_H
#define CEPA_TRANSPORT_H

#include <unistd.h>

#include <cepa/host.h>

G_BEGIN_DECLS

/* An argument of a bridge line: "cert=ABC". It never grows. */
typedef struct
{
  const char *key;   /* "cert" */
  const char *value; /* "ABC"; may be empty */
} CepaTransportArgument;

/* To whom a connection is wanted. Valid during the call. */
typedef struct
{
  uint32_t size;                /* of this struct as the host knows it, bytes */
  uint32_t n_addresses;         /* at least 1 */
  const CepaAddress *addresses; /* (array length=n_addresses): in the order in which the core likes them */
  uint32_t n_arguments;         /* of the bridge line; 0 for relays of the network */
  uint32_t reserved;            /* 0 */
  const CepaTransportArgument *arguments; /* (nullable) (array length=n_arguments): in the order of the line */
} CepaTransportTarget;

/* What the host gives to transport plugins; called through the wrappers below. */
struct _CepaTransportHost
{
  uint32_t size;     /* of this struct as the host knows it, bytes */
  uint32_t reserved; /* 0 */

  /**
   * connected:
   * @attempt: what connect was given
   * @fd: (transfer full): a connected, non-blocking stream socket whose bytes go to the relay; -1 with @error
   * @address: (nullable): which of the addresses it is; NULL for the first
   * @error: (nullable) (transfer full): of CEPA_PLUGIN_ERROR, with an @fd of -1
   *
   * Ends an attempt, once. May be called before connect returns.
   */
  void (*connected) (const CepaHost *host, uint64_t attempt, int fd, const CepaAddress *address, GError *error);

  /* @attempt goes on: @percent up to 99. For the report of a bootstrap through a slow bridge. */
  void (*progress) (const CepaHost *host, uint64_t attempt, uint32_t percent);
};

/**
 * CepaTransportTable:
 *
 * What a transport plugin gives.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaTransportTable) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */

  /* (nullable): NULL at the end: names of Bridge and ClientTransportPlugin lines that it serves: "obfs4". Without this
     it connects to relays that need none. */
  const char *const *names;

  /**
   * connect:
   * @attempt: for CepaTransportHost.connected
   * @name: (nullable): of @names; NULL for a relay that needs none
   * @target: to whom
   *
   * Begins to connect to one of the addresses. The core ends an attempt that takes too long by cancel.
   */
  void (*connect) (void *self, uint64_t attempt, const char *name, const CepaTransportTarget *target);

  /* Ends @attempt at once; connected is not called for it any more. An attempt that has ended, or there never was, is
     nothing to cancel. */
  void (*cancel) (void *self, uint64_t attempt);
} CepaTransportTable;

/* As CepaTransportHost.connected; without one @fd is closed and @error freed. */
static inline void
cepa_transport_connected (const CepaHost *host, uint64_t attempt, int fd, const CepaAddress *address, GError *error)
{
  if (CEPA_TABLE_HAS (host, CepaHost, transport) && CEPA_TABLE_HAS (host->transport, CepaTransportHost, connected))
    host->transport->connected (host, attempt, fd, address, error);
  else
    {
      if (fd >= 0)
        close (fd);
      g_clear_error (&error);
    }
}

/* As CepaTransportHost.progress; nobody sees it without one. */
static inline void
cepa_transport_progress (const CepaHost *host, uint64_t attempt, uint32_t percent)
{
  if (CEPA_TABLE_HAS (host, CepaHost, transport) && CEPA_TABLE_HAS (host->transport, CepaTransportHost, progress))
    host->transport->progress (host, attempt, percent);
}

G_END_DECLS

#endif
