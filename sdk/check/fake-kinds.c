/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fake host gives to transport and metrics plugins. */
#include <fcntl.h>
#include <unistd.h>

#include "fake-host-private.h"

typedef struct
{
  CepaFakeAttempt seen;
  gboolean is_over;
} FakeAttempt;

static void
fake_kinds_free_attempt (gpointer data)
{
  FakeAttempt *attempt = data;

  if (attempt->seen.fd >= 0)
    close (attempt->seen.fd);
  g_clear_error (&attempt->seen.error);
  g_free (attempt);
}

/* Returns: (nullable): what is wrong with the end of an attempt. */
static const char *
fake_kinds_find_fault (const FakeAttempt *attempt, int fd, const GError *error)
{
  if (attempt == NULL)
    return "for an attempt that nobody gave";
  if (attempt->is_over)
    return "for an attempt that was cancelled";
  if (attempt->seen.n > 1)
    return "twice for one attempt";
  if ((fd >= 0) == (error != NULL))
    return fd >= 0 ? "with a descriptor and an error" : "with neither a descriptor nor an error";
  if (error != NULL && error->domain != CEPA_PLUGIN_ERROR)
    return "with an error of another domain than CEPA_PLUGIN_ERROR";
  if (fd >= 0 && fcntl (fd, F_GETFL) == -1)
    return "with a descriptor that is not open";
  if (fd >= 0 && (fcntl (fd, F_GETFL) & O_NONBLOCK) == 0)
    return "with a descriptor that blocks";
  return NULL;
}

static void
fake_kinds_connected (const CepaHost *table, uint64_t number, int fd, const CepaAddress *address, GError *error)
{
  g_autoptr (GError) own = error;
  CepaFakeHost *self = cepa_fake_host_enter (table, "connected");
  FakeAttempt *attempt = self != NULL ? g_hash_table_lookup (self->attempts, &number) : NULL;
  const char *fault;

  if (attempt != NULL)
    attempt->seen.n++;
  fault = self != NULL ? fake_kinds_find_fault (attempt, fd, error) : NULL;
  if (fault != NULL)
    cepa_fake_host_add_fault (self, "connected was called %s", fault);
  if (self != NULL && address != NULL && address->version != 4 && address->version != 6)
    cepa_fake_host_add_fault (self, "connected was called with an address of version %u", address->version);
  if (attempt == NULL || attempt->is_over || attempt->seen.n > 1)
    {
      if (fd >= 0)
        close (fd);
      return;
    }
  attempt->seen.fd = fd;
  attempt->seen.error = g_steal_pointer (&own);
}

static void
fake_kinds_progress (const CepaHost *table, uint64_t number, uint32_t percent)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "progress");

  if (self == NULL)
    return;
  if (percent > 99)
    cepa_fake_host_add_fault (self, "progress was called with %u percent; 99 is the most", percent);
  if (!g_hash_table_contains (self->attempts, &number))
    cepa_fake_host_add_fault (self, "progress was called for an attempt that nobody gave");
}

static void
fake_kinds_collect (const CepaHost *table, CepaMetricFunc func, void *user_data)
{
  static const double bounds[] = { 0.1, 1, 10 };
  static const uint64_t counts[] = { 1, 4, 5 };
  static const CepaMetric metrics[] = {
    { .size = sizeof (CepaMetric), .type = CEPA_METRIC_COUNTER, .name = "cepa_circuits_total", .help = "Circuits.",
      .labels = "event=\"built\",purpose=\"general\"", .value = 7 },
    { .size = sizeof (CepaMetric), .type = CEPA_METRIC_COUNTER, .name = "cepa_circuits_total", .help = "Circuits.",
      .labels = "event=\"failed\",purpose=\"general\"", .value = 0 },
    { .size = sizeof (CepaMetric), .type = CEPA_METRIC_GAUGE, .name = "cepa_bootstrap_ratio", .help = "How far.",
      .labels = "", .value = 0.25 },
    { .size = sizeof (CepaMetric), .type = CEPA_METRIC_HISTOGRAM, .name = "cepa_circuit_build_seconds",
      .help = "How long circuits took.", .labels = "", .value = 12.5, .count = 6, .n_buckets = G_N_ELEMENTS (bounds),
      .bounds = bounds, .counts = counts },
  };
  CepaFakeHost *self = cepa_fake_host_enter (table, "collect");

  for (guint i = 0; self != NULL && i < G_N_ELEMENTS (metrics); i++)
    func (user_data, &metrics[i]);
}

static void
fake_kinds_want (const CepaHost *table, uint32_t kinds)
{
  const guint32 known = CEPA_EVENT_CHANNEL | CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM | CEPA_EVENT_CELL;
  CepaFakeHost *self = cepa_fake_host_enter (table, "want");

  if (self == NULL)
    return;
  if ((kinds & ~known) != 0)
    cepa_fake_host_add_fault (self, "want was called for events 0x%x, of which some there are not", kinds);
  self->wanted_events = kinds;
}

void
cepa_fake_kinds_init (CepaFakeHost *self)
{
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, fake_kinds_free_attempt);
  self->transport = (CepaTransportHost){
    .size = sizeof self->transport, .connected = fake_kinds_connected, .progress = fake_kinds_progress,
  };
  self->metrics = (CepaMetricsHost){
    .size = sizeof self->metrics, .collect = fake_kinds_collect, .want = fake_kinds_want,
  };
  self->table.transport = &self->transport;
  self->table.metrics = &self->metrics;
}

void
cepa_fake_kinds_clear (CepaFakeHost *self)
{
  g_hash_table_unref (self->attempts);
}

CepaMetricsHost *
cepa_fake_host_edit_metrics (CepaFakeHost *self)
{
  return &self->metrics;
}

CepaTransportHost *
cepa_fake_host_edit_transport (CepaFakeHost *self)
{
  return &self->transport;
}

guint64
cepa_fake_host_begin_attempt (CepaFakeHost *self)
{
  guint64 number = ++self->last_id;
  FakeAttempt *attempt = g_new0 (FakeAttempt, 1);

  attempt->seen.fd = -1;
  g_hash_table_insert (self->attempts, g_memdup2 (&number, sizeof number), attempt);
  return number;
}

void
cepa_fake_host_end_attempt (CepaFakeHost *self, guint64 number)
{
  FakeAttempt *attempt = g_hash_table_lookup (self->attempts, &number);

  g_return_if_fail (attempt != NULL);
  attempt->is_over = TRUE;
}

const CepaFakeAttempt *
cepa_fake_host_get_attempt (CepaFakeHost *self, guint64 number)
{
  const FakeAttempt *attempt = g_hash_table_lookup (self->attempts, &number);

  return attempt != NULL ? &attempt->seen : NULL;
}

guint32
cepa_fake_host_get_wanted_events (CepaFakeHost *self)
{
  return self->wanted_events;
}
