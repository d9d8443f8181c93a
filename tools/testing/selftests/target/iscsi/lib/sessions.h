/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a target says of its sessions in configfs.
 */
#ifndef RAW_SESSIONS_H
#define RAW_SESSIONS_H

#include "raw.h"

#define DIR_FILE_MAX	16384

char *list_read(const char *target);
char *list_line(char *list, const char *kind, const char *words);
u32 list_count(const char *list, const char *kind);
const char *value_of(const char *line, const char *key);
u64 number_of(const char *line, const char *key);
char *session_of(const struct conn *c, const char *target);
u32 sid_in(const struct conn *c, const char *target);
u32 sid_of(const struct conn *c);
void wait_gone(const struct conn *c);
void expect_dropped(struct conn *c);
void wait_tasks(const struct conn *c, u64 nr);

void dir_path(char *path, const char *target, u32 sid, const char *file);
void wait_dir(const char *target, u32 sid, bool there);
int read_at(int dir, const char *name, char *buf);
char *dir_read(const char *target, u32 sid, const char *file);
u32 dirs_read(const char *target, bool lists);
pid_t come_and_go(void);

#endif /* RAW_SESSIONS_H */
