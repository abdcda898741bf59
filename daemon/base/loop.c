/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

/* Whoever holds the loop for longer than this is named in the log. */
#define LOOP_MAX_HOLD_US 100000
#define LOOP_NEVER (-1)
/* Descriptors that one turn asks about; the others' turn is the next. */
#define LOOP_MAX_EVENTS 64
#define LOOP_ALWAYS (G_IO_ERR | G_IO_HUP | G_IO_NVAL)

G_STATIC_ASSERT (G_IO_IN == (int) EPOLLIN && G_IO_OUT == (int) EPOLLOUT && G_IO_ERR == (int) EPOLLERR
                 && G_IO_HUP == (int) EPOLLHUP);

/* A place in a ring of watches, which knows no more than its neighbours. Alone it points to itself. */
typedef struct _LoopLink LoopLink;

struct _LoopLink
{
  LoopLink *previous, *next;
};

/*
 * All watches of a context are one source of it, with one descriptor. GLib walks over every source and every descriptor
 * twice a turn, which with some hundred streams costs more than what a turn does; here those cost nothing that have
 * nothing to say.
 */
typedef struct
{
  GSource source;
  GPollFD poll;     /* the epoll descriptor */
  LoopLink timed;   /* have a time */
  LoopLink ready;   /* to be called in this turn */
  LoopLink changed; /* wait for something else than epoll knows */
  LoopLink plain;   /* have a descriptor that epoll does not take */
  gint64 next_us;   /* the earliest time; LOOP_NEVER */
  gboolean is_stale; /* it may be later than that */
  guint n_watches;
} LoopHub;

struct _CepaLoopWatch
{
  LoopHub *hub; /* a reference */
  const char *name;
  CepaLoopFunc func;
  gpointer user_data;
  GPollFD poll;           /* fd is -1 without a descriptor; events: what is wanted, revents: what is there */
  guint32 known;          /* to epoll; 0 when it does not have the descriptor */
  gint64 due_us;          /* monotonic; 0: at once */
  LoopLink timed, ready, changed, plain;
  guint n_calls; /* that have not come back */
  gboolean is_dead;
};

/* ---- rings ---- */

static void
loop_link_init (LoopLink *self)
{
  self->previous = self->next = self;
}

static gboolean
loop_link_is_alone (const LoopLink *self)
{
  return self->next == self;
}

static void
loop_link_remove (LoopLink *self)
{
  self->previous->next = self->next;
  self->next->previous = self->previous;
  loop_link_init (self);
}

/* Puts it last in @ring, unless it is in a ring. */
static void
loop_link_append (LoopLink *self, LoopLink *ring)
{
  if (!loop_link_is_alone (self))
    return;
  self->previous = ring->previous;
  self->next = ring;
  ring->previous->next = self;
  ring->previous = self;
}

/* All that is in @ring is in @other then, which was alone. */
static void
loop_link_move_all (LoopLink *ring, LoopLink *other)
{
  loop_link_init (other);
  if (loop_link_is_alone (ring))
    return;
  *other = *ring;
  other->previous->next = other->next->previous = other;
  loop_link_init (ring);
}

#define LOOP_WATCH(link, member) ((CepaLoopWatch *) (void *) ((char *) (link) -offsetof (CepaLoopWatch, member)))

/* ---- what is waited for ---- */

/* Tells epoll. A descriptor that it does not take, such as a file, is left to GLib. */
static void
loop_watch_tell (CepaLoopWatch *self, int operation)
{
  struct epoll_event event = { .events = self->poll.events, .data.ptr = self };

  if (epoll_ctl (self->hub->poll.fd, operation, self->poll.fd, &event) == 0)
    self->known = self->poll.events;
  else if (loop_link_is_alone (&self->plain))
    {
      self->known = 0;
      loop_link_append (&self->plain, &self->hub->plain);
      g_source_add_poll (&self->hub->source, &self->poll);
    }
}

/* Only what is still so when the turn ends is told, and that nothing is to be read any more when something comes. */
static void
loop_hub_tell_changes (LoopHub *self)
{
  while (!loop_link_is_alone (&self->changed))
    {
      CepaLoopWatch *watch = LOOP_WATCH (self->changed.next, changed);
      guint32 more = watch->poll.events & ~watch->known, less = watch->known & ~watch->poll.events;

      loop_link_remove (&watch->changed);
      if (more != 0 || (less & G_IO_OUT) != 0)
        loop_watch_tell (watch, watch->known == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
    }
}

static void
loop_hub_find_next (LoopHub *self)
{
  self->next_us = LOOP_NEVER;
  self->is_stale = FALSE;
  for (LoopLink *link = self->timed.next; link != &self->timed; link = link->next)
    {
      gint64 due_us = LOOP_WATCH (link, timed)->due_us;

      if (self->next_us == LOOP_NEVER || due_us < self->next_us)
        self->next_us = due_us;
    }
}

static gboolean
loop_hub_prepare (GSource *source, gint *timeout)
{
  LoopHub *self = (LoopHub *) source;
  gint64 left_us;

  loop_hub_tell_changes (self);
  if (self->is_stale)
    loop_hub_find_next (self);
  *timeout = -1;
  if (self->next_us != LOOP_NEVER)
    {
      left_us = self->next_us == 0 ? 0 : self->next_us - g_source_get_time (source);
      *timeout = (gint) CLAMP ((left_us + 999) / 1000, 0, G_MAXINT);
    }
  return FALSE; /* even when a time has come: descriptors are asked in the same turn */
}

static void
loop_hub_take_events (LoopHub *self)
{
  struct epoll_event events[LOOP_MAX_EVENTS];
  int n;

  self->poll.revents = 0;
  n = epoll_wait (self->poll.fd, events, LOOP_MAX_EVENTS, 0);
  for (int i = 0; i < n; i++)
    {
      CepaLoopWatch *watch = events[i].data.ptr;

      watch->poll.revents = (gushort) (events[i].events & (watch->poll.events | LOOP_ALWAYS));
      if (watch->poll.revents != 0)
        loop_link_append (&watch->ready, &self->ready);
      else
        loop_watch_tell (watch, EPOLL_CTL_MOD);
    }
}

static void
loop_hub_take_due (LoopHub *self, gint64 now_us)
{
  LoopLink *link = self->timed.next;

  while (link != &self->timed)
    {
      CepaLoopWatch *watch = LOOP_WATCH (link, timed);

      link = link->next;
      if (watch->due_us > now_us)
        continue;
      /* A time that has come is spent, so that a func that does nothing about it is not called for ever. */
      watch->due_us = LOOP_NEVER;
      loop_link_remove (&watch->timed);
      loop_link_append (&watch->ready, &self->ready);
    }
  self->is_stale = TRUE;
}

static gboolean
loop_hub_check (GSource *source)
{
  LoopHub *self = (LoopHub *) source;
  gint64 now_us = g_source_get_time (source);

  if (self->next_us != LOOP_NEVER && self->next_us <= now_us)
    loop_hub_take_due (self, now_us);
  if (self->poll.revents != 0)
    loop_hub_take_events (self);
  for (LoopLink *link = self->plain.next; link != &self->plain; link = link->next)
    if (LOOP_WATCH (link, plain)->poll.revents != 0)
      loop_link_append (&LOOP_WATCH (link, plain)->ready, &self->ready);
  return !loop_link_is_alone (&self->ready);
}

static void
loop_watch_call (CepaLoopWatch *self, gint64 began_us)
{
  GIOCondition revents = self->poll.revents;
  const char *name = self->name;
  gint64 now_us;

  self->poll.revents = 0;
  self->n_calls++;
  self->func (self->user_data, revents);
  if (--self->n_calls == 0 && self->is_dead)
    g_free (self);
  now_us = g_get_monotonic_time ();
  if (G_UNLIKELY (now_us - began_us > LOOP_MAX_HOLD_US))
    cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_INFO, "the loop was held for %" G_GINT64_FORMAT " ms up to the end of \"%s\"",
              (now_us - began_us) / 1000, name);
}

static gboolean
loop_hub_dispatch (GSource *source, G_GNUC_UNUSED GSourceFunc callback, G_GNUC_UNUSED gpointer user_data)
{
  LoopHub *self = (LoopHub *) source;
  gint64 began_us = g_source_get_time (source);
  LoopLink batch; /* those that become ready meanwhile wait for the next turn */

  loop_link_move_all (&self->ready, &batch);
  while (!loop_link_is_alone (&batch))
    {
      CepaLoopWatch *watch = LOOP_WATCH (batch.next, ready);

      loop_link_remove (&watch->ready);
      loop_watch_call (watch, began_us);
    }
  return G_SOURCE_CONTINUE;
}

static void
loop_hub_finalize (GSource *source)
{
  close (((LoopHub *) source)->poll.fd);
}

static GSourceFuncs loop_hub_funcs
    = { loop_hub_prepare, loop_hub_check, loop_hub_dispatch, loop_hub_finalize, NULL, NULL };

/* Returns: (transfer full): the context's one. */
static LoopHub *
loop_hub_get (GMainContext *context)
{
  GSource *source = g_main_context_find_source_by_funcs_user_data (context, &loop_hub_funcs, context);
  LoopHub *self;

  if (source != NULL)
    return (LoopHub *) g_source_ref (source);
  source = g_source_new (&loop_hub_funcs, sizeof (LoopHub));
  self = (LoopHub *) source;
  loop_link_init (&self->timed);
  loop_link_init (&self->ready);
  loop_link_init (&self->changed);
  loop_link_init (&self->plain);
  self->next_us = LOOP_NEVER;
  self->poll.fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->poll.fd < 0)
    g_error ("no event loop: %s", g_strerror (errno));
  self->poll.events = G_IO_IN;
  g_source_set_static_name (source, "watches");
  /* Around each dispatch of a source that may not recurse GLib writes to its wake-up descriptor, for other threads. */
  g_source_set_can_recurse (source, TRUE);
  g_source_add_poll (source, &self->poll);
  g_source_set_callback (source, NULL, context, NULL);
  g_source_attach (source, context);
  return self;
}

/* ---- watches ---- */

CepaLoopWatch *
cepa_loop_watch_fd (GMainContext *context, int fd, const char *name, CepaLoopFunc func, gpointer user_data)
{
  CepaLoopWatch *self = g_new0 (CepaLoopWatch, 1);

  self->hub = loop_hub_get (context);
  self->hub->n_watches++;
  self->name = name;
  self->func = func;
  self->user_data = user_data;
  self->due_us = LOOP_NEVER;
  loop_link_init (&self->timed);
  loop_link_init (&self->ready);
  loop_link_init (&self->changed);
  loop_link_init (&self->plain);
  self->poll.fd = fd;
  self->poll.events = G_IO_ERR | G_IO_HUP;
  if (fd >= 0)
    loop_link_append (&self->changed, &self->hub->changed);
  return self;
}

void
cepa_loop_set_condition (CepaLoopWatch *self, GIOCondition condition)
{
  gushort events = (gushort) (condition | G_IO_ERR | G_IO_HUP);

  if (self->poll.events == events)
    return;
  self->poll.events = events;
  if (self->poll.fd >= 0 && loop_link_is_alone (&self->plain))
    loop_link_append (&self->changed, &self->hub->changed);
}

void
cepa_loop_set_delay (CepaLoopWatch *self, gint64 delay_us)
{
  gint64 now_us = delay_us > 0 ? g_get_monotonic_time () : 0;

  cepa_loop_set_due_us (self, delay_us < 0 ? LOOP_NEVER : now_us + MIN (delay_us, G_MAXINT64 - now_us));
}

void
cepa_loop_set_due_us (CepaLoopWatch *self, gint64 due_us)
{
  LoopHub *hub = self->hub;

  due_us = due_us < 0 ? LOOP_NEVER : due_us;
  if (due_us == self->due_us)
    return;
  hub->is_stale |= self->due_us != LOOP_NEVER && self->due_us == hub->next_us;
  self->due_us = due_us;
  if (due_us == LOOP_NEVER)
    {
      loop_link_remove (&self->timed);
      return;
    }
  loop_link_append (&self->timed, &hub->timed);
  if (hub->next_us == LOOP_NEVER || due_us < hub->next_us)
    hub->next_us = due_us;
}

gboolean
cepa_loop_has_delay (CepaLoopWatch *self)
{
  return self->due_us != LOOP_NEVER;
}

void
cepa_loop_clear (CepaLoopWatch **watch)
{
  CepaLoopWatch *self = g_steal_pointer (watch);
  LoopHub *hub;

  if (self == NULL)
    return;
  hub = self->hub;
  cepa_loop_set_due_us (self, LOOP_NEVER);
  loop_link_remove (&self->ready);
  loop_link_remove (&self->changed);
  if (!loop_link_is_alone (&self->plain))
    g_source_remove_poll (&hub->source, &self->poll);
  else if (self->known != 0)
    epoll_ctl (hub->poll.fd, EPOLL_CTL_DEL, self->poll.fd, NULL);
  loop_link_remove (&self->plain);
  if (--hub->n_watches == 0)
    g_source_destroy (&hub->source);
  g_source_unref (&hub->source);
  self->is_dead = TRUE;
  if (self->n_calls == 0) /* or its call ends it */
    g_free (self);
}
