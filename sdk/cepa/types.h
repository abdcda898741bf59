/* SPDX-License-Identifier: BSD-3-Clause */
/* Small types that several headers share. */
#ifndef CEPA_TYPES_H
#define CEPA_TYPES_H

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

/* How loud a line in the log is: as C Tor's severities of these names. */
typedef enum
{
  CEPA_HOST_LOG_WARNING = 1,
  CEPA_HOST_LOG_NOTICE = 2,
  CEPA_HOST_LOG_INFO = 3,
  CEPA_HOST_LOG_DEBUG = 4,
} CepaHostLogLevel;

/* What a descriptor is watched for, and what it is ready for. */
enum
{
  CEPA_WATCH_READ = 1u << 0,
  CEPA_WATCH_WRITE = 1u << 1,
  CEPA_WATCH_ERROR = 1u << 2, /* an error or a hang-up: told whether or not it was asked for */
};

/* The time of a timer has come. It is not called again before it is set again. */
typedef void (*CepaTimerFunc) (void *user_data);

/* @events: CEPA_WATCH_* that @fd is ready for. Called at each turn of the loop as long as it is. */
typedef void (*CepaWatchFunc) (void *user_data, int fd, uint32_t events);

/* @error: (nullable) (transfer none): why it was not done. Not within the call that asked for it. */
typedef void (*CepaDoneFunc) (void *user_data, const GError *error);

/* An IP address and a port. It never grows. */
typedef struct
{
  uint8_t version;   /* 4 or 6 */
  uint8_t reserved;  /* 0 */
  uint16_t port;     /* host byte order */
  uint8_t bytes[16]; /* network byte order: the first 4 of IPv4, the others zero */
} CepaAddress;

/* The purposes of circuits, for requests, events and padding. */
typedef enum
{
  CEPA_PURPOSE_GENERAL = 0,   /* streams to the internet: the last hop is an exit, every relay is Fast */
  CEPA_PURPOSE_INTERNAL = 1,  /* stays inside the network: the last hop is any relay that is not MiddleOnly */
  CEPA_PURPOSE_DIRECTORY = 2, /* one hop, to fetch the directory; never asked of a path plugin */
} CepaPathPurpose;

G_END_DECLS

#endif
