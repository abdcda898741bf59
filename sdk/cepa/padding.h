/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding plugins: machines that see when cells come and go, and send padding or hold cells back. The vocabulary is
   Maybenot's (https://arxiv.org/abs/2304.09510). */
#ifndef CEPA_PADDING_H
#define CEPA_PADDING_H

#include <cepa/host.h>
#include <cepa/padding-event.h>

G_BEGIN_DECLS

/* What a machine can want. */
typedef enum
{
  CEPA_PADDING_CANCEL = 0,       /* timers: forgets what was scheduled */
  CEPA_PADDING_SEND = 1,         /* after timeout_us a padding cell, unless cancelled or replaced before */
  CEPA_PADDING_BLOCK = 2,        /* after timeout_us holds DATA back for duration_us; circuits only */
  CEPA_PADDING_UPDATE_TIMER = 3, /* sets the internal timer to duration_us */
  CEPA_PADDING_NEGOTIATE = 4,    /* channels only: sends PADDING_NEGOTIATE with low_ms and high_ms, 0 and 0 to stop */
} CepaPaddingActionType;

/* Bits of CepaPaddingAction.flags. */
enum
{
  CEPA_PADDING_BYPASS = 1u << 0,  /* SEND: also through blocking that allows it; BLOCK: allows that */
  CEPA_PADDING_REPLACE = 1u << 1, /* SEND: not when a normal cell goes out at the same time, which is told as
                                     PADDING_SENT all the same; with BYPASS one DATA cell that is held back goes in its
                                     place. BLOCK, UPDATE_TIMER: sets the duration even where the one in force is
                                     longer */
};

/* Bits of CepaPaddingAction.timers. */
enum
{
  CEPA_PADDING_TIMER_ACTION = 1u << 0,
  CEPA_PADDING_TIMER_INTERNAL = 1u << 1,
};

/* An action; members that its type does not use are 0. It never grows. */
typedef struct
{
  uint32_t type;            /* CepaPaddingActionType */
  uint32_t flags;           /* of SEND, BLOCK, UPDATE_TIMER: CEPA_PADDING_BYPASS, CEPA_PADDING_REPLACE */
  uint32_t timers;          /* of CANCEL: CEPA_PADDING_TIMER_* */
  uint32_t hop;             /* of SEND on a circuit: to which hop, 0 the guard; below n_hops of the target */
  int64_t timeout_us;       /* of SEND, BLOCK: from now, at least 0 */
  int64_t duration_us;      /* of BLOCK, UPDATE_TIMER: at least 0 */
  uint32_t low_ms, high_ms; /* of NEGOTIATE: low_ms is not above high_ms, which is at most 65535 */
} CepaPaddingAction;

/* What a machine is like. Bits of what CepaPaddingTable.machine_traits returns. */
enum
{
  /* It need not be told of cells at once, but may be told when there is something else to tell: those since the last call
     come first, in a call of their own, with the time of the last of them as @now_us. A busy target then costs nearly
     nothing. */
  CEPA_PADDING_PATIENT = 1u << 0,
};

/* What the host gives: nothing but @size yet; a machine answers to events, and to them only. */
struct _CepaPaddingHost
{
  uint32_t size;     /* of this struct as the host knows it, bytes */
  uint32_t reserved; /* 0 */
};

/**
 * CepaPaddingTable:
 *
 * What a padding plugin gives. The core schedules, sends and counts. It has a budget in cells and in share of what was
 * sent; actions beyond it are dropped, counted and told as CEPA_PADDING_REFUSED.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaPaddingTable) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */

  /* Returns: (transfer full) (nullable): a machine for @target; NULL when the plugin has none for it. */
  void *(*machine_new) (void *self, const CepaPaddingTarget *target);
  /* Frees what machine_new gave. Every machine is freed before stop is called. */
  void (*machine_free) (void *self, void *machine);

  /**
   * trigger:
   * @machine: of machine_new
   * @events: (array length=n_events): at least one: what happened since the last call, which is at most once per turn of
   *   the loop and target: changes of use, cells received, blocking and timers in their order, cells sent, padding first;
   *   no type of cell twice
   * @now_us: as cepa_host_monotonic_us()
   * @actions: (out caller-allocates) (array length=max_actions): room, not cleared; @max_actions is at least 4
   *
   * The hot path: no allocation, no log. Of SEND and BLOCK together, and of the internal timer, one can be pending: a
   * new one takes its place.
   *
   * Returns: how many actions there are, at most @max_actions.
   */
  uint32_t (*trigger) (void *self, void *machine, const CepaPaddingEvent *events, uint32_t n_events, int64_t now_us,
                       CepaPaddingAction *actions, uint32_t max_actions);

  /* (nullable): the directory has changed: cepa_network_view_param() has the consensus' parameters. */
  void (*network_changed) (void *self, const CepaNetworkView *view);

  /* Since 1.1. (nullable): what @machine, which was just made, is like: CEPA_PADDING_PATIENT, or 0. */
  uint32_t (*machine_traits) (void *self, void *machine);
} CepaPaddingTable;

G_END_DECLS

#endif
