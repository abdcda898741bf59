/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of metrics plugins. */
#include <string.h>

#include "allocations.h"
#include "check.h"

/* An event as a newer host gives it. */
typedef struct
{
  CepaEvent event;
  guint8 beyond[64];
} MetricsWideEvent;

static const CepaMetricsTable *
metrics_get_table (CepaInstance *instance)
{
  return instance->check->plugin->metrics;
}

static void
metrics_init_event (CepaInstance *instance, MetricsWideEvent *wide, guint kind, guint what, guint i)
{
  gint64 now_ns = cepa_host_monotonic_us (cepa_fake_host_get_table (instance->host)) * 1000;

  memset (wide, 0xa5, sizeof *wide);
  wide->event = (CepaEvent){ .size = i % 2 == 0 ? sizeof (CepaEvent) : sizeof *wide, .kind = kind, .what = what,
                             .time_ns = now_ns, .channel = 1 + i % 3, .circuit = 1 + i % 50, .stream = i % 70 };
  if (kind == CEPA_EVENT_CELL)
    {
      wide->event.queued_ns = now_ns - 1000;
      wide->event.command = i % 256;
      wide->event.relay_command = i % 45;
    }
}

static void
metrics_send (CepaInstance *instance, const CepaEvent *event)
{
  if (metrics_get_table (instance)->event != NULL)
    CEPA_CHECK_CALL (instance->check, "event", metrics_get_table (instance)->event (instance->self, event));
}

/* Every event of the kinds that are wanted. */
static void
metrics_send_all (CepaInstance *instance, guint32 kinds, guint n)
{
  for (guint i = 0; i < n; i++)
    for (guint bit = 0; bit < 4; bit++)
      if ((kinds & 1u << bit) != 0)
        for (guint what = 0; what <= CEPA_STREAM_EVENT_ENDED; what++)
          {
            MetricsWideEvent wide;

            metrics_init_event (instance, &wide, 1u << bit, what, i);
            metrics_send (instance, &wide.event);
          }
}

static void
metrics_check_addresses (CepaInstance *instance)
{
  g_autofree char *addresses = NULL;

  if (metrics_get_table (instance)->list_addresses == NULL)
    return;
  CEPA_CHECK_CALL (instance->check, "list_addresses",
                   addresses = metrics_get_table (instance)->list_addresses (instance->self));
  if (addresses == NULL || !g_utf8_validate (addresses, -1, NULL))
    cepa_check_fail (instance->check, "list_addresses gave no text");
}

void
cepa_check_use_metrics (CepaInstance *instance)
{
  metrics_send_all (instance, cepa_fake_host_get_wanted_events (instance->host), 3);
  metrics_check_addresses (instance);
  cepa_fake_host_advance (instance->host, G_TIME_SPAN_SECOND);
}

static void
metrics_with_instance (CepaCheck *check, guint64 seed, void (*func) (CepaInstance *instance))
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, seed))
    return;
  if (cepa_instance_start (&instance))
    {
      func (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

static void
metrics_try_events (CepaInstance *instance)
{
  guint32 kinds = cepa_fake_host_get_wanted_events (instance->host);

  if (metrics_get_table (instance)->event == NULL && kinds != 0)
    cepa_check_fail (instance->check, "it wants events and has no function event");
  cepa_check_note (instance->check, "wants events 0x%x", kinds);
  for (guint i = 0; i < 20; i++)
    {
      metrics_send_all (instance, kinds, 50);
      cepa_fake_host_advance (instance->host, 100 * G_TIME_SPAN_MILLISECOND);
    }
  metrics_check_addresses (instance);
}

static void
metrics_check_events (CepaCheck *check)
{
  metrics_with_instance (check, 100, metrics_try_events);
}

/* Kinds and happenings of a newer host, and those that were not asked for. */
static void
metrics_try_unknown (CepaInstance *instance)
{
  for (guint bit = 0; bit < 32; bit++)
    for (guint what = 0; what < 3; what++)
      {
        MetricsWideEvent wide;

        metrics_init_event (instance, &wide, 1u << bit, what == 2 ? G_MAXUINT32 : what * 50, bit);
        wide.event.reason = G_MAXUINT32;
        wide.event.purpose = G_MAXUINT32;
        wide.event.command = G_MAXUINT32;
        wide.event.circuit = G_MAXUINT64;
        metrics_send (instance, &wide.event);
      }
  cepa_fake_host_advance (instance->host, G_TIME_SPAN_SECOND);
}

static void
metrics_check_unknown (CepaCheck *check)
{
  metrics_with_instance (check, 200, metrics_try_unknown);
}

static void
metrics_try_allocations (CepaInstance *instance)
{
  guint32 kinds = cepa_fake_host_get_wanted_events (instance->host);
  guint n = 0;

  if ((kinds & CEPA_EVENT_CELL) == 0 || metrics_get_table (instance)->event == NULL)
    {
      cepa_check_skip (instance->check, "it does not want cells");
      return;
    }
  for (guint i = 0; i < 2000; i++)
    {
      MetricsWideEvent wide;

      metrics_init_event (instance, &wide, CEPA_EVENT_CELL, i % 2, i);
      cepa_allocations_begin ();
      metrics_get_table (instance)->event (instance->self, &wide.event);
      n += cepa_allocations_end ();
      if (i % 20 == 0)
        cepa_fake_host_advance (instance->host, 10 * G_TIME_SPAN_MILLISECOND);
    }
  if (n > 0)
    cepa_check_fail (instance->check, "event allocated %u times in 2000 cells, and it is the hot path", n);
}

static void
metrics_check_allocations (CepaCheck *check)
{
  if (check->is_slow || !cepa_allocations_can_count ())
    cepa_check_skip (check, "valgrind and sanitizers have allocators of their own");
  else
    metrics_with_instance (check, 300, metrics_try_allocations);
}

const CepaCheckRule cepa_check_metrics_rules[] = {
  { "metrics-events", metrics_check_events },
  { "metrics-unknown", metrics_check_unknown },
  { "metrics-no-allocation", metrics_check_allocations },
  { NULL, NULL },
};
