/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers and watched descriptors, in the daemon's loop. GIO's asynchronous calls come back there too: the loop's
   context is the thread's default one. A plugin makes no loop and no thread of its own. */
#ifndef CEPA_LOOP_H
#define CEPA_LOOP_H

#include <cepa/host.h>

G_BEGIN_DECLS

/* Returns: a timer that is not set yet, for cepa_host_timer_set(); 0 where there are none. Timers that the plugin
   has not freed when its stop is complete, or destroy has come back, are freed for it, and the log says so. */
static inline uint64_t
cepa_host_timer_new (const CepaHost *host, CepaTimerFunc func, void *user_data)
{
  return CEPA_TABLE_HAS (host, CepaHost, timer_new) ? host->timer_new (host, func, user_data) : 0;
}

/* Calls the timer's function once, @delay_us microseconds from now, in place of an earlier time; negative: never. */
static inline void
cepa_host_timer_set (const CepaHost *host, uint64_t timer, int64_t delay_us)
{
  if (timer != 0 && CEPA_TABLE_HAS (host, CepaHost, timer_set))
    host->timer_set (host, timer, delay_us);
}

/* Frees a timer; 0 is allowed. Also from its own function. */
static inline void
cepa_host_timer_free (const CepaHost *host, uint64_t timer)
{
  if (timer != 0 && CEPA_TABLE_HAS (host, CepaHost, timer_free))
    host->timer_free (host, timer);
}

/* Returns: a watch of @fd, which stays the plugin's, for CEPA_WATCH_* of @events; 0 where there are none. As for
   timers, free it before the stop is complete, and before @fd is closed. */
static inline uint64_t
cepa_host_watch_new (const CepaHost *host, int fd, uint32_t events, CepaWatchFunc func, void *user_data)
{
  return CEPA_TABLE_HAS (host, CepaHost, watch_new) ? host->watch_new (host, fd, events, func, user_data) : 0;
}

/* Watches for other CEPA_WATCH_* from now on; 0 waits for errors only. */
static inline void
cepa_host_watch_set (const CepaHost *host, uint64_t watch, uint32_t events)
{
  if (watch != 0 && CEPA_TABLE_HAS (host, CepaHost, watch_set))
    host->watch_set (host, watch, events);
}

/* Frees a watch; 0 is allowed. Also from its own function. */
static inline void
cepa_host_watch_free (const CepaHost *host, uint64_t watch)
{
  if (watch != 0 && CEPA_TABLE_HAS (host, CepaHost, watch_free))
    host->watch_free (host, watch);
}

G_END_DECLS

#endif
