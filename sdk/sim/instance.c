/* SPDX-License-Identifier: BSD-3-Clause */
/* An instance of the plugin: its host's table of services, and the policy that the core sees. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "plugin-private.h"

/* What a start may take; what the daemon allows. */
#define INSTANCE_START_US (10 * G_USEC_PER_SEC)

/* Characters of what a plugin says in an error. */
#define INSTANCE_MAX_TEXT 500

/* Calls of timers while no time passes: who needs more than these will not come to an end. */
#define INSTANCE_MAX_CALLS 100000

/* Its monotonic clock does not begin at 0. */
#define INSTANCE_MONOTONIC_US (G_GINT64_CONSTANT (1000) * G_USEC_PER_SEC)

#define INSTANCE_TASK_START 1
#define INSTANCE_TASK_STOP 2

#define INSTANCE_NO_PATH "no-path"
#define INSTANCE_ERROR "plugin-error"

typedef struct
{
  guint64 number;
  gint64 due_us; /* of the wall clock; -1: not set */
  CepaTimerFunc func;
  void *user_data;
} InstanceTimer;

/* What it has loaded, or could not. */
typedef struct
{
  char *name;
  CepaSideTable *table; /* (nullable) */
  GError *error;        /* (nullable) */
  CepaDoneFunc done;    /* (nullable): it is told */
  void *user_data;
} InstanceSideTable;

/* Of the clock that is handed to the core. */
typedef struct
{
  CepaClock clock;
  gint64 start_us, now_us; /* since 1970 */
} InstanceClock;

struct _CepaSimInstance
{
  const CepaSimPlugin *plugin;
  CepaHost host;
  void *self;
  InstanceClock clock;
  CepaSimRandom random;
  CepaNetwork *network; /* (nullable) */
  GArray *timers;       /* (element-type InstanceTimer) */
  guint64 last_timer;
  GArray *side_tables;  /* (element-type InstanceSideTable) */
  guint64 task; /* that is not over */
  GError *failure;
  CepaPathPolicy policy;
  CepaPathPolicies *policies;
  const char *broken_rule; /* (nullable): by the latest proposal */
  GArray *refusals;        /* (element-type CepaSimRefusal) */
  char *first_refusal;
};

static CepaSimInstance *
instance_of (const CepaHost *host)
{
  return host->context;
}

/* ---- services ---- */

static void
instance_log (const CepaHost *host, CepaHostLogLevel level, const char *text)
{
  g_autofree char *line = NULL;

  if (level != CEPA_HOST_LOG_WARNING || text == NULL)
    return;
  line = cepa_escape_for_log (text, strlen (text), INSTANCE_MAX_TEXT);
  g_printerr ("cepa-sim: %s warns: %s\n", instance_of (host)->plugin->file->id, line);
}

static void
instance_random (const CepaHost *host, void *out, size_t len)
{
  cepa_random_fill (&instance_of (host)->random.random, out, len);
}

static gint64
instance_clock_monotonic_us (const CepaClock *clock)
{
  const InstanceClock *self = (const InstanceClock *) clock;

  return INSTANCE_MONOTONIC_US + self->now_us - self->start_us;
}

static gint64
instance_clock_wall_s (const CepaClock *clock)
{
  return ((const InstanceClock *) clock)->now_us / G_USEC_PER_SEC;
}

static gint64
instance_clock_wall_us (const CepaClock *clock)
{
  return ((const InstanceClock *) clock)->now_us;
}

static int64_t
instance_monotonic_us (const CepaHost *host)
{
  return cepa_clock_monotonic_us (&instance_of (host)->clock.clock);
}

static int64_t
instance_wall_s (const CepaHost *host)
{
  return cepa_clock_wall_s (&instance_of (host)->clock.clock);
}

static const char *const *
instance_option (const CepaHost *host, const char *name)
{
  return g_hash_table_lookup (instance_of (host)->plugin->values, name);
}

static void
instance_fail (const CepaHost *host, GError *error)
{
  CepaSimInstance *self = instance_of (host);

  if (self->failure == NULL)
    self->failure = error;
  else
    g_clear_error (&error);
}

static void
instance_complete (const CepaHost *host, uint64_t task, GError *error)
{
  CepaSimInstance *self = instance_of (host);

  if (self->task == task)
    self->task = 0;
  if (error != NULL)
    instance_fail (host, error);
}

static uint64_t
instance_timer_new (const CepaHost *host, CepaTimerFunc func, void *user_data)
{
  CepaSimInstance *self = instance_of (host);
  InstanceTimer timer = { ++self->last_timer, -1, func, user_data };

  g_array_append_val (self->timers, timer);
  return timer.number;
}

static InstanceTimer *
instance_find_timer (CepaSimInstance *self, guint64 number, guint *index)
{
  for (*index = 0; *index < self->timers->len; (*index)++)
    if (g_array_index (self->timers, InstanceTimer, *index).number == number)
      return &g_array_index (self->timers, InstanceTimer, *index);
  return NULL;
}

static void
instance_timer_set (const CepaHost *host, uint64_t number, int64_t delay_us)
{
  CepaSimInstance *self = instance_of (host);
  guint index;
  InstanceTimer *timer = instance_find_timer (self, number, &index);

  if (timer != NULL)
    timer->due_us = delay_us < 0 ? -1 : self->clock.now_us + MIN (delay_us, G_MAXINT64 - self->clock.now_us);
}

static void
instance_timer_free (const CepaHost *host, uint64_t number)
{
  CepaSimInstance *self = instance_of (host);
  guint index;

  if (instance_find_timer (self, number, &index) != NULL)
    g_array_remove_index (self->timers, index);
}

static void
instance_clear_side_table (gpointer data)
{
  InstanceSideTable *loaded = data;

  g_free (loaded->name);
  g_clear_pointer (&loaded->table, cepa_side_table_unref);
  g_clear_error (&loaded->error);
}

/* Read at once; told in a later turn. */
static void
instance_load_side_table (const CepaHost *host, const char *name, const char *path, CepaDoneFunc done, void *user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) text = cepa_file_map (path, &error);
  InstanceSideTable loaded = { .name = g_strdup (name), .done = done, .user_data = user_data };

  if (text != NULL)
    loaded.table = cepa_side_table_parse (text, &error);
  if (loaded.table == NULL)
    loaded.error = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s: %s", path, error->message);
  g_array_append_val (instance_of (host)->side_tables, loaded);
}

static void
instance_tell_side_tables (CepaSimInstance *self)
{
  for (guint i = 0; i < self->side_tables->len; i++)
    {
      InstanceSideTable told = g_array_index (self->side_tables, InstanceSideTable, i);

      g_array_index (self->side_tables, InstanceSideTable, i).done = NULL;
      if (told.done != NULL)
        told.done (told.user_data, told.error);
    }
}

void
cepa_sim_instance_add_side_tables (const CepaSimInstance *self, CepaExtras *extras)
{
  for (guint i = 0; i < self->side_tables->len; i++)
    {
      const InstanceSideTable *loaded = &g_array_index (self->side_tables, InstanceSideTable, i);

      if (loaded->table != NULL)
        cepa_extras_set_side_table (extras, loaded->name, loaded->table);
    }
}

static const CepaNetworkView *
instance_network (const CepaHost *host)
{
  CepaNetwork *network = instance_of (host)->network;

  return network != NULL ? cepa_network_get_view (network) : NULL;
}

/* There are no descriptors and folders for files in a simulation: those members stay NULL, and wrappers know what to do. */
static void
instance_init_host (CepaSimInstance *self)
{
  self->host = (CepaHost){
    .size = sizeof self->host,
    .abi_major = CEPA_ABI_MAJOR,
    .abi_minor = CEPA_ABI_MINOR,
    .context = self,
    .log = instance_log,
    .random = instance_random,
    .monotonic_us = instance_monotonic_us,
    .wall_s = instance_wall_s,
    .option = instance_option,
    .complete = instance_complete,
    .fail = instance_fail,
    .timer_new = instance_timer_new,
    .timer_set = instance_timer_set,
    .timer_free = instance_timer_free,
    .network = instance_network,
    .load_side_table = instance_load_side_table,
  };
}

/* ---- the policy ---- */

static CepaSimInstance *
instance_of_policy (const CepaPathPolicy *policy)
{
  return policy->context;
}

static const CepaPathTable *
instance_table (const CepaPathPolicy *policy)
{
  return instance_of_policy (policy)->plugin->module->path;
}

/* The plugin's error as the core's. @own: (nullable) */
static gboolean
instance_take_error (const CepaPathPolicy *policy, const char *function, const GError *own, GError **error)
{
  gboolean is_no_path = g_error_matches (own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH);
  g_autofree char *text = own != NULL ? cepa_escape_for_log (own->message, strlen (own->message), INSTANCE_MAX_TEXT)
                                      : g_strdup ("it set no error");

  g_set_error (error, CEPA_ERROR, is_no_path ? CEPA_ERROR_NO_PATH : CEPA_ERROR_PLUGIN, "%s: %s: %s", policy->id, function,
               text);
  return FALSE;
}

static gboolean
instance_choose (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                 GError **error)
{
  g_autoptr (GError) own = NULL;
  CepaPath proposed = { .size = sizeof proposed };

  if (!instance_table (policy)->choose_path (instance_of_policy (policy)->self, view, request, &proposed, &own))
    return instance_take_error (policy, "choose_path", own, error);
  if (own != NULL || proposed.n_hops > CEPA_PATH_MAX_HOPS)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: choose_path gave %s", policy->id,
                   own != NULL ? "a path and an error" : "more hops than a path may have");
      return FALSE;
    }
  proposed.size = sizeof proposed;
  *path = proposed;
  return TRUE;
}

static gboolean
instance_weigh (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, guint32 place,
                guint32 *weights, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (instance_table (policy)->weigh (instance_of_policy (policy)->self, view, request, place, weights, &own) && own == NULL)
    return TRUE;
  return instance_take_error (policy, "weigh", own, error);
}

static void
instance_network_changed (CepaPathPolicy *policy, const CepaNetworkView *view)
{
  instance_table (policy)->network_changed (instance_of_policy (policy)->self, view);
}

static void
instance_result (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathResult *result)
{
  instance_table (policy)->result (instance_of_policy (policy)->self, view, result);
}

static void
instance_violated (CepaPathPolicy *policy, const char *rule, G_GNUC_UNUSED const char *sentence)
{
  instance_of_policy (policy)->broken_rule = rule;
}

static void
instance_init_policy (CepaSimInstance *self)
{
  const CepaPathTable *table = self->plugin->module->path;

  self->policy.id = self->plugin->file->id;
  self->policy.context = self;
  self->policy.choose = table->choose_path != NULL ? instance_choose : NULL;
  self->policy.weigh = CEPA_TABLE_HAS (table, CepaPathTable, weigh) ? instance_weigh : NULL;
  self->policy.network_changed = CEPA_TABLE_HAS (table, CepaPathTable, network_changed) ? instance_network_changed : NULL;
  self->policy.result = CEPA_TABLE_HAS (table, CepaPathTable, result) ? instance_result : NULL;
  self->policy.violated = instance_violated;
  self->policies = cepa_path_policies_new ();
  cepa_path_policies_use (self->policies, &self->policy);
}

/* ---- life ---- */

/* The timer that is due first, at @now_us at the latest. */
static InstanceTimer *
instance_next_timer (CepaSimInstance *self, gint64 now_us)
{
  InstanceTimer *next = NULL;

  for (guint i = 0; i < self->timers->len; i++)
    {
      InstanceTimer *timer = &g_array_index (self->timers, InstanceTimer, i);

      if (timer->due_us >= 0 && timer->due_us <= now_us && (next == NULL || timer->due_us < next->due_us))
        next = timer;
    }
  return next;
}

void
cepa_sim_instance_advance (CepaSimInstance *self, gint64 now_us)
{
  InstanceTimer *timer;
  guint n_calls = 0;

  instance_tell_side_tables (self);
  while (G_UNLIKELY (self->timers->len > 0) && self->failure == NULL && (timer = instance_next_timer (self, now_us)) != NULL)
    {
      InstanceTimer due = *timer;

      n_calls = due.due_us > self->clock.now_us ? 1 : n_calls + 1;
      timer->due_us = -1;
      self->clock.now_us = MAX (self->clock.now_us, due.due_us);
      if (n_calls <= INSTANCE_MAX_CALLS)
        due.func (due.user_data);
      else
        instance_fail (&self->host, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                                                 "its timers were called %u times while no time passed", n_calls - 1));
    }
  self->clock.now_us = MAX (self->clock.now_us, now_us);
}

static gboolean
instance_start (CepaSimInstance *self, GError **error)
{
  g_autoptr (GError) own = NULL;
  gint64 deadline_us = self->clock.now_us + INSTANCE_START_US;
  InstanceTimer *timer;

  self->self = self->plugin->module->create (&self->host, &own);
  if (self->self == NULL)
    return instance_take_error (&self->policy, "create", own, error);
  if (self->plugin->module->start == NULL)
    return TRUE;
  self->task = INSTANCE_TASK_START;
  self->plugin->module->start (self->self, INSTANCE_TASK_START);
  instance_tell_side_tables (self);
  while (self->task != 0 && self->failure == NULL && (timer = instance_next_timer (self, deadline_us)) != NULL)
    cepa_sim_instance_advance (self, timer->due_us);
  if (self->task != 0 && self->failure == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN,
                   "%s: its start did not end within 10 seconds; there are no descriptors to wait for here",
                   self->policy.id);
      return FALSE;
    }
  return cepa_sim_instance_check (self, error);
}

CepaSimInstance *
cepa_sim_instance_new (const CepaSimPlugin *plugin, gint64 start_us, guint64 seed, guint64 number, GError **error)
{
  g_autoptr (CepaSimInstance) self = g_new0 (CepaSimInstance, 1);

  self->plugin = plugin;
  self->clock = (InstanceClock){ { instance_clock_monotonic_us, instance_clock_wall_s, instance_clock_wall_us },
                                 start_us, start_us };
  self->timers = g_array_new (FALSE, FALSE, sizeof (InstanceTimer));
  self->side_tables = g_array_new (FALSE, FALSE, sizeof (InstanceSideTable));
  g_array_set_clear_func (self->side_tables, instance_clear_side_table);
  self->refusals = g_array_new (FALSE, FALSE, sizeof (CepaSimRefusal));
  cepa_sim_random_init (&self->random, seed, CEPA_SIM_RANDOM_PLUGIN, number);
  instance_init_host (self);
  instance_init_policy (self);
  return instance_start (self, error) ? g_steal_pointer (&self) : NULL;
}

void
cepa_sim_instance_free (CepaSimInstance *self)
{
  if (self == NULL)
    return;
  cepa_path_policies_free (self->policies);
  if (self->self != NULL && self->plugin->module->stop != NULL)
    {
      self->task = INSTANCE_TASK_STOP;
      self->plugin->module->stop (self->self, INSTANCE_TASK_STOP);
    }
  if (self->self != NULL)
    self->plugin->module->destroy (self->self);
  g_clear_pointer (&self->network, cepa_network_unref);
  g_clear_error (&self->failure);
  g_array_unref (self->timers);
  g_array_unref (self->side_tables);
  g_array_unref (self->refusals);
  g_free (self->first_refusal);
  g_free (self);
}

const CepaClock *
cepa_sim_instance_get_clock (const CepaSimInstance *self)
{
  return &self->clock.clock;
}

void
cepa_sim_instance_set_network (CepaSimInstance *self, CepaNetwork *network)
{
  cepa_network_ref (network);
  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = network;
  cepa_path_policies_network_changed (self->policies, cepa_network_get_view (network));
}

/* ---- paths ---- */

void
cepa_sim_instance_refuse (CepaSimInstance *self, const char *reason, const char *sentence)
{
  CepaSimRefusal fresh = { reason, 1 };

  if (self->first_refusal == NULL)
    self->first_refusal = g_strdup (sentence);
  for (guint i = 0; i < self->refusals->len; i++)
    {
      CepaSimRefusal *refusal = &g_array_index (self->refusals, CepaSimRefusal, i);

      if (strcmp (refusal->reason, reason) == 0)
        {
          refusal->n++;
          return;
        }
    }
  g_array_append_val (self->refusals, fresh);
}

/* There is no network behind the paths: every circuit is built, at once. */
static void
instance_report (CepaSimInstance *self, const CepaPath *path, guint64 proposed_by)
{
  const CepaNetworkView *view = cepa_network_get_view (self->network);
  CepaPathResult result = { .size = sizeof result, .outcome = CEPA_PATH_BUILT, .n_built = path->n_hops, .path = *path };

  cepa_path_policies_report (self->policies, proposed_by, view->version, view, &result);
}

gboolean
cepa_sim_instance_propose (CepaSimInstance *self, CepaRandom *random, const CepaPathRequest *request,
                           gboolean enforce_subnets, CepaPath *path, const char **refusal)
{
  g_autoptr (GError) error = NULL;
  guint64 proposed_by = 0;

  self->broken_rule = NULL;
  if (cepa_path_policies_propose (self->policies, self->network, random, request, enforce_subnets, path, &proposed_by,
                                  &error))
    {
      if (self->policy.result != NULL)
        instance_report (self, path, proposed_by);
      return TRUE;
    }
  *refusal = self->broken_rule != NULL                                      ? self->broken_rule
             : g_error_matches (error, CEPA_ERROR, CEPA_ERROR_NO_PATH) ? INSTANCE_NO_PATH
                                                                            : INSTANCE_ERROR;
  cepa_sim_instance_refuse (self, *refusal, error->message);
  return FALSE;
}

const CepaSimRefusal *
cepa_sim_instance_get_refusals (const CepaSimInstance *self, guint *n)
{
  *n = self->refusals->len;
  return (const CepaSimRefusal *) (gpointer) self->refusals->data;
}

const char *
cepa_sim_instance_get_first_refusal (const CepaSimInstance *self)
{
  return self->first_refusal;
}

gboolean
cepa_sim_instance_check (const CepaSimInstance *self, GError **error)
{
  if (self->failure == NULL)
    return TRUE;
  return instance_take_error (&self->policy, "it gave up", self->failure, error);
}
