/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of an instance's life: in order, out of order, with a host that has less. */
#include <dirent.h>
#include <malloc.h>
#include <string.h>

#include "check.h"

/* Lives before memory is compared, and between comparisons. */
#define LIFE_N_WARM_UP 4
#define LIFE_N_LIVES 8

/* Moments at which a start is interrupted: turns of the loop. */
#define LIFE_N_MOMENTS 6

static void
life_create_destroy (CepaCheck *check)
{
  CepaInstance instance;

  if (cepa_instance_init (&instance, check, 1))
    cepa_instance_destroy (&instance);
}

static guint
life_count_descriptors (void)
{
  DIR *folder = opendir ("/proc/self/fd");
  guint n = 0;

  while (folder != NULL && readdir (folder) != NULL)
    n++;
  if (folder != NULL)
    closedir (folder);
  return n;
}

static void
life_create_quietly (CepaCheck *check)
{
  CepaInstance instance;
  guint n_before, n_after;

  cepa_instance_prepare (&instance, check, 2);
  n_before = life_count_descriptors ();
  if (!cepa_instance_create (&instance))
    return;
  n_after = life_count_descriptors ();
  if (n_after != n_before)
    cepa_check_fail (check, "create opened %d descriptors: that is for start", (int) (n_after - n_before));
  if (cepa_fake_host_get_n_timers (instance.host) > 0 || cepa_fake_host_get_n_watches (instance.host) > 0)
    cepa_check_fail (check, "create made timers or watches: that is for start");
  cepa_instance_destroy (&instance);
}

static void
life_create_twice (CepaCheck *check)
{
  CepaInstance first, second;

  if (!cepa_instance_init (&first, check, 3))
    return;
  if (cepa_instance_init (&second, check, 4))
    {
      if (first.self == second.self)
        cepa_check_fail (check, "create gave the same instance twice");
      cepa_instance_destroy (&second);
    }
  cepa_instance_destroy (&first);
}

static void
life_create_again (CepaCheck *check)
{
  for (guint i = 0; i < 3; i++)
    life_create_destroy (check);
}

static void
life_whole (CepaCheck *check, guint64 seed)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, seed))
    return;
  if (cepa_instance_start (&instance))
    {
      cepa_instance_use (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

static void
life_start_stop (CepaCheck *check)
{
  life_whole (check, 5);
}

static void
life_two_at_once (CepaCheck *check)
{
  CepaInstance first, second;
  gboolean has_second;

  if (!cepa_instance_init (&first, check, 6))
    return;
  if (!cepa_instance_start (&first))
    {
      cepa_instance_destroy (&first);
      return;
    }
  has_second = cepa_instance_init (&second, check, 7);
  if (has_second)
    {
      guint64 task = cepa_instance_begin_start (&second);

      /* It may fail: two may want one port. But it says so. */
      if (task != 0 && !cepa_fake_host_run_task (second.host, task, CEPA_CHECK_START_US))
        cepa_check_fail (check, "start of a second instance was not complete within 10 seconds");
      cepa_instance_destroy (&second);
    }
  cepa_instance_use (&first);
  cepa_instance_stop (&first);
  cepa_instance_destroy (&first);
}

static void
life_destroy_running (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 8))
    return;
  if (cepa_instance_start (&instance))
    cepa_instance_use (&instance);
  cepa_instance_destroy (&instance);
}

static void
life_stop_unstarted (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 9))
    return;
  cepa_instance_stop (&instance);
  cepa_instance_destroy (&instance);
}

/* Lets @n turns of the loop pass. */
static void
life_turn (CepaInstance *instance, guint n)
{
  for (guint i = 0; i < n; i++)
    cepa_fake_host_advance (instance->host, G_TIME_SPAN_MILLISECOND);
}

static void
life_stop_starting (CepaCheck *check)
{
  for (guint moment = 0; moment < LIFE_N_MOMENTS && cepa_check_get_n_failures (check) == 0; moment++)
    {
      CepaInstance instance;
      guint64 task;

      if (!cepa_instance_init (&instance, check, 10 + moment))
        return;
      task = cepa_instance_begin_start (&instance);
      life_turn (&instance, moment);
      if (task != 0)
        cepa_fake_host_end_task (instance.host, task);
      cepa_instance_stop (&instance);
      cepa_instance_destroy (&instance);
    }
}

static void
life_destroy_starting (CepaCheck *check)
{
  for (guint moment = 0; moment < LIFE_N_MOMENTS && cepa_check_get_n_failures (check) == 0; moment++)
    {
      CepaInstance instance;
      guint64 task;

      if (!cepa_instance_init (&instance, check, 20 + moment))
        return;
      task = cepa_instance_begin_start (&instance);
      life_turn (&instance, moment);
      if (task != 0)
        cepa_fake_host_end_task (instance.host, task);
      cepa_instance_destroy (&instance);
    }
}

static void
life_destroy_stopping (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 30))
    return;
  if (cepa_instance_start (&instance))
    {
      guint64 task = cepa_instance_begin_stop (&instance);

      if (task != 0)
        cepa_fake_host_end_task (instance.host, task);
    }
  cepa_instance_destroy (&instance);
}

/* What a life leaves behind, when the first ones have warmed caches. */
static void
life_no_leak (CepaCheck *check)
{
  guint n_before, n_after;
  gsize bytes[3];

  for (guint i = 0; i < LIFE_N_WARM_UP; i++)
    life_whole (check, 40);
  if (cepa_check_get_n_failures (check) > 0)
    return;
  n_before = life_count_descriptors ();
  for (guint batch = 0; batch < G_N_ELEMENTS (bytes); batch++)
    {
      for (guint i = 0; i < LIFE_N_LIVES; i++)
        life_whole (check, 40);
      bytes[batch] = mallinfo2 ().uordblks;
    }
  n_after = life_count_descriptors ();
  if (n_after > n_before)
    cepa_check_fail (check, "%u descriptors are open that were not before %u lives", n_after - n_before,
                     (guint) G_N_ELEMENTS (bytes) * LIFE_N_LIVES);
  /* Growth that goes on: a cache that grew once is none. */
  if (!check->is_slow && bytes[1] >= bytes[0] + LIFE_N_LIVES && bytes[2] >= bytes[1] + LIFE_N_LIVES)
    cepa_check_fail (check, "a life leaves about %" G_GSIZE_FORMAT " bytes behind",
                     (bytes[2] - bytes[1]) / LIFE_N_LIVES);
}

/* The functions of the host, and what is behind pointers of it. */
static const struct
{
  const char *name;
  gsize offset;
} life_members[] = {
#define LIFE_MEMBER(member) { #member, offsetof (CepaHost, member) }
  LIFE_MEMBER (log),        LIFE_MEMBER (random),    LIFE_MEMBER (monotonic_us), LIFE_MEMBER (wall_s),
  LIFE_MEMBER (option),     LIFE_MEMBER (fail),      LIFE_MEMBER (timer_new),    LIFE_MEMBER (timer_set),
  LIFE_MEMBER (timer_free), LIFE_MEMBER (watch_new), LIFE_MEMBER (watch_set),    LIFE_MEMBER (watch_free),
  LIFE_MEMBER (directory),  LIFE_MEMBER (network),   LIFE_MEMBER (vocabulary),   LIFE_MEMBER (metrics),
  LIFE_MEMBER (padding),    LIFE_MEMBER (transport), LIFE_MEMBER (complete),
  LIFE_MEMBER (load_side_table),
#undef LIFE_MEMBER
};
G_STATIC_ASSERT (G_N_ELEMENTS (life_members) == (sizeof (CepaHost) - offsetof (CepaHost, log)) / sizeof (gpointer));

static void
life_omit (CepaHost *table, gsize offset)
{
  memset ((char *) table + offset, 0, sizeof (gpointer));
}

/* A life whose host has less. It may fail, with an error; it may not crash, hang or break another rule. Timers and
   watches that could not be freed, and tasks that could not be completed, are not its fault. */
static void
life_with_less (CepaInstance *instance)
{
  const CepaPlugin *plugin = instance->check->plugin;
  const CepaHost *table = cepa_fake_host_get_table (instance->host);
  gboolean can_free = table->timer_free != NULL && table->watch_free != NULL
                      && (!CEPA_TABLE_HAS (table, CepaHost, vocabulary) || table->vocabulary->unsubscribe != NULL);
  g_autoptr (GError) error = NULL;
  gboolean has_failed;
  guint64 task = 0;

  CEPA_CHECK_CALL (instance->check, "create", instance->self = plugin->create (table, &error));
  if (instance->self == NULL)
    {
      cepa_check_error (instance->check, "create", error);
      cepa_instance_clear (instance);
      return;
    }
  task = cepa_instance_begin_start (instance);
  if (task != 0 && table->complete != NULL)
    cepa_fake_host_run_task (instance->host, task, CEPA_CHECK_START_US);
  life_turn (instance, 3);
  has_failed = task != 0 && cepa_fake_host_get_task (instance->host, task) == CEPA_FAKE_TASK_FAILED;
  if (task == 0 || cepa_fake_host_get_task (instance->host, task) == CEPA_FAKE_TASK_DONE)
    cepa_instance_use (instance);
  else
    cepa_fake_host_end_task (instance->host, task);
  task = has_failed ? 0 : cepa_instance_begin_stop (instance);
  life_turn (instance, 3);
  if (task != 0)
    cepa_fake_host_end_task (instance->host, task);
  if (can_free)
    {
      cepa_instance_destroy (instance);
      return;
    }
  CEPA_CHECK_CALL (instance->check, "destroy", plugin->destroy (instance->self));
  g_ptr_array_set_size (cepa_fake_host_get_faults (instance->host), 0);
  cepa_instance_clear (instance);
}

static void
life_host_without_one (CepaCheck *check)
{
  for (guint i = 0; i < G_N_ELEMENTS (life_members) && cepa_check_get_n_failures (check) == 0; i++)
    {
      CepaInstance instance;
      g_autofree char *note = g_strdup_printf ("a host without %s", life_members[i].name);

      cepa_instance_prepare (&instance, check, 50 + i);
      life_omit (cepa_fake_host_edit_table (instance.host), life_members[i].offset);
      cepa_check_begin_call (check, note);
      life_with_less (&instance);
      if (cepa_check_get_n_failures (check) > 0)
        cepa_check_fail (check, "this was with %s", note);
    }
}

static void
life_host_without_any (CepaCheck *check)
{
  CepaInstance instance;

  cepa_instance_prepare (&instance, check, 80);
  for (guint i = 0; i < G_N_ELEMENTS (life_members); i++)
    life_omit (cepa_fake_host_edit_table (instance.host), life_members[i].offset);
  life_with_less (&instance);
}

static void
life_host_short (CepaCheck *check)
{
  CepaInstance instance;
  CepaHost *table;

  cepa_instance_prepare (&instance, check, 81);
  table = cepa_fake_host_edit_table (instance.host);
  table->size = offsetof (CepaHost, log);
  /* Whoever reads beyond the size reads this. */
  memset ((char *) table + table->size, 0xa5, sizeof *table - table->size);
  life_with_less (&instance);
}

/* The functions of the tables that the host has for one kind. */
static const struct
{
  const char *name;
  gsize table, function;
} life_kind_members[] = {
#define LIFE_MEMBER(table, type, function) { #function, offsetof (CepaHost, table), offsetof (type, function) }
  LIFE_MEMBER (metrics, CepaMetricsHost, collect),        LIFE_MEMBER (metrics, CepaMetricsHost, want),
  LIFE_MEMBER (transport, CepaTransportHost, connected),  LIFE_MEMBER (transport, CepaTransportHost, progress),
  LIFE_MEMBER (vocabulary, CepaVocabulary, describe),     LIFE_MEMBER (vocabulary, CepaVocabulary, get),
  LIFE_MEMBER (vocabulary, CepaVocabulary, call),         LIFE_MEMBER (vocabulary, CepaVocabulary, subscribe),
  LIFE_MEMBER (vocabulary, CepaVocabulary, unsubscribe),
#undef LIFE_MEMBER
};

/* Whether the plugin has the table of the kind that @member is for. */
static gboolean
life_is_of_kind (const CepaPlugin *plugin, gsize member)
{
  return member == offsetof (CepaHost, metrics)     ? plugin->metrics != NULL
         : member == offsetof (CepaHost, transport) ? plugin->transport != NULL
                                                    : plugin->control != NULL;
}

static void
life_host_kind_without_one (CepaCheck *check)
{
  for (guint i = 0; i < G_N_ELEMENTS (life_kind_members) && cepa_check_get_n_failures (check) == 0; i++)
    {
      CepaInstance instance;
      char *table;
      g_autofree char *note = g_strdup_printf ("a host without %s", life_kind_members[i].name);

      if (!life_is_of_kind (check->plugin, life_kind_members[i].table))
        continue;
      cepa_instance_prepare (&instance, check, 100 + i);
      memcpy (&table, (char *) cepa_fake_host_edit_table (instance.host) + life_kind_members[i].table, sizeof table);
      memset (table + life_kind_members[i].function, 0, sizeof (gpointer));
      cepa_check_begin_call (check, note);
      life_with_less (&instance);
      if (cepa_check_get_n_failures (check) > 0)
        cepa_check_fail (check, "this was with %s", note);
    }
}

static void
life_host_kind_without (CepaCheck *check)
{
  CepaInstance instance;

  cepa_instance_prepare (&instance, check, 82);
  cepa_fake_host_edit_metrics (instance.host)->size = offsetof (CepaMetricsHost, collect);
  cepa_fake_host_edit_transport (instance.host)->size = offsetof (CepaTransportHost, connected);
  cepa_fake_host_edit_vocabulary (instance.host)->size = offsetof (CepaVocabulary, describe);
  cepa_fake_network_omit_functions (instance.network);
  life_with_less (&instance);
  life_host_kind_without_one (check);
}

/* The loop goes on for a while: threads get their time to call. */
static void
life_one_thread (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 90))
    return;
  if (cepa_instance_start (&instance))
    cepa_instance_use (&instance);
  for (guint i = 0; i < 10; i++)
    cepa_fake_host_run (instance.host, NULL, NULL, G_TIME_SPAN_SECOND);
  if (cepa_fake_host_has_thread_fault (instance.host))
    cepa_check_fail (check, "a service was called from another thread; everything is for the thread that calls the plugin");
  cepa_instance_stop (&instance);
  cepa_instance_destroy (&instance);
}

const CepaCheckRule cepa_check_life_rules[] = {
  { "create-destroy", life_create_destroy },
  { "create-quiet", life_create_quietly },
  { "create-twice", life_create_twice },
  { "create-again", life_create_again },
  { "start-stop", life_start_stop },
  { "two-at-once", life_two_at_once },
  { "destroy-running", life_destroy_running },
  { "stop-before-start", life_stop_unstarted },
  { "stop-while-starting", life_stop_starting },
  { "destroy-while-starting", life_destroy_starting },
  { "destroy-while-stopping", life_destroy_stopping },
  { "no-leak", life_no_leak },
  { "host-without-one", life_host_without_one },
  { "host-without-any", life_host_without_any },
  { "host-short", life_host_short },
  { "host-kind-short", life_host_kind_without },
  { "one-thread", life_one_thread },
  { NULL, NULL },
};
