/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of the control protocol. Each ends with one answer, now or later. */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

typedef void (*CepaTorCommandFunc) (CepaTorConnection *connection, const CepaTorCommand *command);

/* Runs @command, or says why not. */
void cepa_tor_commands_run (CepaTorConnection *connection, const CepaTorCommand *command);

/* In auth-commands.c */
void cepa_tor_command_protocolinfo (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_authchallenge (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_authenticate (CepaTorConnection *connection, const CepaTorCommand *command);

/* In getinfo.c */
void cepa_tor_command_getinfo (CepaTorConnection *connection, const CepaTorCommand *command);

/* In conf.c */
void cepa_tor_command_getconf (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_setconf (CepaTorConnection *connection, const CepaTorCommand *command);

/* In events.c */
void cepa_tor_command_setevents (CepaTorConnection *connection, const CepaTorCommand *command);

/* In actions.c */
void cepa_tor_command_signal (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_closecircuit (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_closestream (CepaTorConnection *connection, const CepaTorCommand *command);
void cepa_tor_command_drop (CepaTorConnection *connection, const CepaTorCommand *command);

/* Returns: (transfer full): the names of the signals that are taken, with spaces between them. */
char *cepa_tor_signal_names (void);

G_END_DECLS
