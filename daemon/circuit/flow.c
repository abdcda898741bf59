/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuit-level windows with authenticated SENDMEs (tor-spec: flow-control § circuit-level, proposal 289). */
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "circuit/circuit-private.h"

void
cepa_circuit_flow_init (CepaCircuitFlow *self, guint package_window)
{
  memset (self, 0, sizeof *self);
  self->package_window = package_window;
  self->deliver_window = CEPA_CIRCUIT_WINDOW;
}

void
cepa_circuit_flow_note_sent (CepaCircuitFlow *self, const guint8 tag[CEPA_TOR1_TAG_LEN])
{
  self->package_window--;
  self->sent++;
  if (self->sent < CEPA_CIRCUIT_WINDOW_STEP)
    return;
  /* The hop acknowledges each cell that fills a step, and proves that it saw it by its tag. The window does not
     let more steps be open than there are places. */
  self->sent = 0;
  memcpy (self->tags[self->n_tags++], tag, CEPA_TOR1_TAG_LEN);
}

gboolean
cepa_circuit_flow_note_received (CepaCircuitFlow *self, gboolean *wants_sendme, GError **error)
{
  if (self->deliver_window == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "DATA beyond the circuit window");
      return FALSE;
    }
  self->deliver_window--;
  self->received++;
  *wants_sendme = self->received == CEPA_CIRCUIT_WINDOW_STEP;
  if (*wants_sendme)
    {
      self->received = 0;
      self->deliver_window += CEPA_CIRCUIT_WINDOW_STEP;
    }
  return TRUE;
}

gboolean
cepa_circuit_flow_acknowledged (CepaCircuitFlow *self, const CepaRelayMessage *message, GError **error)
{
  CepaSendme sendme;

  if (!cepa_sendme_parse (message->data, message->len, &sendme) || sendme.version != 1 || sendme.tag == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "circuit-level SENDME that is not of version 1");
      return FALSE;
    }
  if (self->n_tags == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "circuit-level SENDME for data that was never sent");
      return FALSE;
    }
  if (!cepa_bytes_equal_ct (sendme.tag, self->tags[0], CEPA_TOR1_TAG_LEN))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "circuit-level SENDME with a tag of another cell");
      return FALSE;
    }
  self->n_tags--;
  memmove (self->tags[0], self->tags[1], self->n_tags * CEPA_TOR1_TAG_LEN);
  self->package_window += CEPA_CIRCUIT_WINDOW_STEP;
  return TRUE;
}
