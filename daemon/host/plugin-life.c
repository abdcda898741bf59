/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of one plugin: loaded, made, started, stopped, freed. What it says is acted on from the loop, when its own
   code has returned. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "host/host-private.h"
#include "host/module.h"

#define LIFE_MAX_TEXT 500 /* characters of what a plugin says */
/* Violations of one rule that are logged as warnings; the rest are counted. */
#define LIFE_MAX_WARNINGS 10

static const CepaHostKind *const life_kinds[CEPA_PLUGIN_N_KINDS] = {
  [CEPA_PLUGIN_KIND_PATH] = &cepa_host_kind_path,
  [CEPA_PLUGIN_KIND_PADDING] = &cepa_host_kind_padding,
  [CEPA_PLUGIN_KIND_TRANSPORT] = &cepa_host_kind_transport,
  [CEPA_PLUGIN_KIND_CONTROL] = &cepa_host_kind_control,
  [CEPA_PLUGIN_KIND_METRICS] = &cepa_host_kind_metrics,
};

static const char *const life_states[] = {
  [CEPA_PLUGIN_REFUSED] = "refused",   [CEPA_PLUGIN_FOUND] = "found",       [CEPA_PLUGIN_WAITING] = "starting",
  [CEPA_PLUGIN_STARTING] = "starting", [CEPA_PLUGIN_RUNNING] = "running",   [CEPA_PLUGIN_HOLDING] = "stopping",
  [CEPA_PLUGIN_STOPPING] = "stopping", [CEPA_PLUGIN_STOPPED] = "stopped",   [CEPA_PLUGIN_FAILED] = "failed",
};

const char *
cepa_plugin_state_name (CepaPluginState state)
{
  return life_states[state];
}

const char *
cepa_host_plugin_get_id (const CepaHostPlugin *self)
{
  return self->file != NULL ? self->file->id : self->keyfile;
}

gboolean
cepa_host_plugin_is_running (const CepaHostPlugin *self)
{
  return self->state == CEPA_PLUGIN_RUNNING;
}

gboolean
cepa_host_plugin_is_settled (const CepaHostPlugin *self)
{
  return self->state == CEPA_PLUGIN_REFUSED || self->state == CEPA_PLUGIN_FOUND || self->state == CEPA_PLUGIN_RUNNING
         || self->state == CEPA_PLUGIN_STOPPED || self->state == CEPA_PLUGIN_FAILED;
}

static void life_step (gpointer user_data, GIOCondition revents);
static void life_deadline (gpointer user_data, GIOCondition revents);

CepaHostPlugin *
cepa_host_plugin_new (CepaPluginHost *host, const char *keyfile, CepaPluginFile *file)
{
  CepaHostPlugin *self = g_new0 (CepaHostPlugin, 1);

  self->host = host;
  self->keyfile = g_strdup (keyfile);
  self->file = file;
  self->profile = file != NULL ? file->profile : CEPA_PLUGIN_DISABLED;
  self->state = CEPA_PLUGIN_FOUND;
  self->lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->violations = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->waiters = g_array_new (FALSE, FALSE, sizeof (CepaPluginWaiter));
  self->step = cepa_loop_watch_fd (cepa_host_get_context (host), -1, "plugin step", life_step, self);
  self->deadline = cepa_loop_watch_fd (cepa_host_get_context (host), -1, "plugin deadline", life_deadline, self);
  cepa_host_services_init (self);
  return self;
}

static const CepaHostKind *
life_kind (const CepaHostPlugin *self)
{
  static const CepaHostKind none = { NULL, NULL, NULL, NULL };
  const CepaHostKind *kind = self->file != NULL ? life_kinds[self->file->kind] : NULL;

  return kind != NULL ? kind : &none;
}

/* Frees the instance, whatever its state. */
static void
life_destroy (CepaHostPlugin *self)
{
  self->task = 0;
  cepa_loop_set_delay (self->deadline, -1);
  cepa_loop_set_delay (self->step, -1);
  if (self->instance != NULL)
    {
      self->module->destroy (g_steal_pointer (&self->instance));
      if (life_kind (self)->gone != NULL)
        life_kind (self)->gone (self);
    }
  cepa_host_services_clear (self);
  g_clear_error (&self->outcome);
  g_clear_error (&self->failure);
}

void
cepa_host_plugin_free (CepaHostPlugin *self)
{
  if (self->state == CEPA_PLUGIN_RUNNING && life_kind (self)->ending != NULL)
    life_kind (self)->ending (self);
  life_destroy (self);
  cepa_loop_clear (&self->step);
  cepa_loop_clear (&self->deadline);
  cepa_plugin_file_free (self->file);
  g_hash_table_unref (self->lines);
  g_clear_pointer (&self->values, g_hash_table_unref);
  g_hash_table_unref (self->violations);
  g_hash_table_unref (self->sources);
  g_array_unref (self->waiters);
  g_free (self->keyfile);
  g_free (self->reason);
  g_free (self);
}

/* ---- states ---- */

static void
life_tell_waiters (CepaHostPlugin *self)
{
  g_autoptr (GArray) waiters = g_steal_pointer (&self->waiters);

  self->waiters = g_array_new (FALSE, FALSE, sizeof (CepaPluginWaiter));
  for (guint i = 0; i < waiters->len; i++)
    {
      const CepaPluginWaiter *waiter = &g_array_index (waiters, CepaPluginWaiter, i);
      g_autoptr (GError) error = NULL;

      if (waiter->to_run != cepa_host_plugin_is_running (self))
        g_set_error (&error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s is %s%s%s", cepa_host_plugin_get_id (self),
                     cepa_plugin_state_name (self->state), self->reason != NULL ? ": " : "",
                     self->reason != NULL ? self->reason : "");
      if (waiter->func != NULL)
        waiter->func (waiter->user_data, error);
    }
}

void
cepa_host_plugin_wait (CepaHostPlugin *self, gboolean to_run, CepaPluginSettledFunc func, gpointer user_data)
{
  CepaPluginWaiter waiter = { to_run, func, user_data };

  g_array_append_val (self->waiters, waiter);
  if (cepa_host_plugin_is_settled (self))
    life_tell_waiters (self);
}

void
cepa_host_plugin_set_state (CepaHostPlugin *self, CepaPluginState state, const char *reason)
{
  gboolean is_bad = state == CEPA_PLUGIN_FAILED || state == CEPA_PLUGIN_REFUSED;
  char *own = g_strdup (reason); /* it may be the old one */

  self->state = state;
  g_free (self->reason);
  self->reason = own;
  cepa_log (CEPA_LOG_PLUGIN,
            is_bad                                ? CEPA_LOG_WARN
            : cepa_host_plugin_is_settled (self) ? CEPA_LOG_INFO
                                                 : CEPA_LOG_DEBUG,
            "The plugin %s is %s%s%s",
            cepa_host_plugin_get_id (self), cepa_plugin_state_name (state), own != NULL ? ": " : "",
            own != NULL ? own : "");
  if (cepa_host_plugin_is_settled (self))
    life_tell_waiters (self);
  cepa_host_state_changed (self->host, self);
}

void
cepa_host_plugin_violated (CepaHostPlugin *self, const char *rule, const char *sentence)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->violations, rule)) + 1;

  g_hash_table_replace (self->violations, g_strdup (rule), GUINT_TO_POINTER (n));
  cepa_log (CEPA_LOG_PLUGIN, n <= LIFE_MAX_WARNINGS ? CEPA_LOG_WARN : CEPA_LOG_INFO,
            "The plugin %s broke the rule %s (%u): %s", cepa_host_plugin_get_id (self), rule, n, sentence);
}

void
cepa_host_plugin_take_error (const CepaHostPlugin *self, const char *function, const GError *own, GError **error)
{
  g_autofree char *text = NULL;
  const char *id = cepa_host_plugin_get_id (self);

  if (own == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: %s failed and set no error", id, function);
      return;
    }
  text = cepa_escape_for_log (own->message, strlen (own->message), LIFE_MAX_TEXT);
  if (g_error_matches (own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH))
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: %s", id, text);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: %s failed: %s", id, function, text);
}

/* ---- start ---- */

static void
life_set_failed (CepaHostPlugin *self, const GError *error)
{
  life_destroy (self);
  cepa_host_plugin_set_state (self, CEPA_PLUGIN_FAILED, error->message);
}

static gboolean
life_create (CepaHostPlugin *self, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (!cepa_host_plugin_settle_options (self, error))
    return FALSE;
  cepa_host_services_init (self);
  if (life_kind (self)->make != NULL)
    life_kind (self)->make (self);
  self->instance = self->module->create (&self->services, &own);
  if (self->instance != NULL)
    return TRUE;
  if (life_kind (self)->gone != NULL)
    life_kind (self)->gone (self);
  cepa_host_plugin_take_error (self, "create", own, error);
  return FALSE;
}

void
cepa_host_plugin_start (CepaHostPlugin *self)
{
  g_autoptr (GError) error = NULL;

  if (self->module == NULL && (self->module = cepa_module_load (self->file, &error)) == NULL)
    {
      cepa_host_plugin_set_state (self, CEPA_PLUGIN_REFUSED, error->message);
      return;
    }
  if (!life_create (self, &error))
    {
      life_set_failed (self, error);
      return;
    }
  cepa_host_plugin_set_state (self, CEPA_PLUGIN_STARTING, NULL);
  self->task = cepa_host_draw_number (self->host);
  cepa_loop_set_delay (self->deadline, CEPA_PLUGIN_START_US);
  if (self->module->start != NULL)
    self->module->start (self->instance, self->task);
  else
    cepa_host_plugin_completed (self, self->task, NULL);
}

/* ---- stop ---- */

void
cepa_host_plugin_stop (CepaHostPlugin *self)
{
  if (life_kind (self)->ending != NULL)
    life_kind (self)->ending (self);
  cepa_host_plugin_set_state (self, CEPA_PLUGIN_STOPPING, self->failure != NULL ? self->failure->message : NULL);
  self->task = cepa_host_draw_number (self->host);
  g_clear_error (&self->outcome);
  cepa_loop_set_delay (self->step, -1);
  cepa_loop_set_delay (self->deadline, CEPA_PLUGIN_STOP_US);
  if (self->module->stop != NULL)
    self->module->stop (self->instance, self->task);
  else
    cepa_host_plugin_completed (self, self->task, NULL);
}

static void
life_stopped (CepaHostPlugin *self)
{
  g_autoptr (GError) failure = g_steal_pointer (&self->failure);
  guint n_left = g_hash_table_size (self->sources);

  if (n_left > 0)
    {
      g_autofree char *sentence
          = g_strdup_printf ("it left %u timers and watches when its stop was complete: free them before", n_left);

      cepa_host_plugin_violated (self, "left-sources", sentence);
    }
  if (failure == NULL && self->outcome != NULL)
    cepa_host_plugin_take_error (self, "stop", self->outcome, &failure);
  life_destroy (self);
  cepa_host_plugin_set_state (self, failure != NULL ? CEPA_PLUGIN_FAILED : CEPA_PLUGIN_STOPPED,
                              failure != NULL ? failure->message : NULL);
}

/* ---- what it says ---- */

void
cepa_host_plugin_completed (CepaHostPlugin *self, guint64 task, const GError *error)
{
  if (task == 0 || task != self->task)
    {
      cepa_host_plugin_violated (self, "no-such-task",
                                 "it completed a task that is over, or was none: complete each task once");
      return;
    }
  self->task = 0;
  g_clear_error (&self->outcome);
  self->outcome = error != NULL ? g_error_copy (error) : NULL;
  cepa_loop_set_delay (self->deadline, -1);
  cepa_loop_set_delay (self->step, 0);
}

void
cepa_host_plugin_fail (CepaHostPlugin *self, const GError *reason)
{
  if (self->failure != NULL || (self->state != CEPA_PLUGIN_RUNNING && self->state != CEPA_PLUGIN_STARTING))
    return;
  self->failure = g_error_copy (reason);
  cepa_loop_set_delay (self->step, 0);
}

static void
life_started (CepaHostPlugin *self)
{
  g_autoptr (GError) error = NULL;

  if (self->failure != NULL)
    error = g_steal_pointer (&self->failure);
  else if (self->outcome != NULL)
    cepa_host_plugin_take_error (self, "start", self->outcome, &error);
  if (error != NULL)
    {
      life_set_failed (self, error);
      return;
    }
  if (life_kind (self)->running != NULL)
    life_kind (self)->running (self);
  cepa_host_plugin_set_state (self, CEPA_PLUGIN_RUNNING, NULL);
}

static void
life_step (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaHostPlugin *self = user_data;

  if (self->state == CEPA_PLUGIN_STARTING)
    life_started (self);
  else if (self->state == CEPA_PLUGIN_STOPPING)
    life_stopped (self);
  else if (self->state == CEPA_PLUGIN_RUNNING && self->failure != NULL)
    cepa_host_plugin_stop (self);
}

static void
life_deadline (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaHostPlugin *self = user_data;
  gboolean is_start = self->state == CEPA_PLUGIN_STARTING;

  cepa_host_plugin_violated (self, is_start ? "start-deadline" : "stop-deadline",
                             is_start ? "its start was not complete after 10 s: call cepa_host_complete()"
                                      : "its stop was not complete after 1 s: call cepa_host_complete()");
  if (self->failure == NULL)
    self->failure = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "its %s did not come to an end",
                                 is_start ? "start" : "stop");
  if (is_start)
    life_started (self);
  else
    life_stopped (self);
}
