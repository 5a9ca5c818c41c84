/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that manage the rules of a host, and what to tell them. */
#include "doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "managers.h"

/* --- who is there ----------------------------------------------------- */

static ino_t namespace_of(const char *process)
{
	struct stat namespace;
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	return stat(path, &namespace) ? 0 : namespace.st_ino;
}

/* One that we may not look at counts: it may be in this namespace. */
static bool is_here(const char *process)
{
	ino_t theirs = namespace_of(process), ours = namespace_of("thread-self");

	return !theirs || !ours || theirs == ours;
}

static bool runs(const char *name)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (processes && !found && (entry = readdir(processes))) {
		char path[300], comm[32] = "";
		FILE *file;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		found = fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)) &&
			comm[strlen(name)] == '\n' && is_here(entry->d_name);
		fclose(file);
	}
	if (processes)
		closedir(processes);
	return found;
}

static bool has_chain(const struct view *view, const char *name)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		if (view_find_chain(view, table, name))
			return true;
	return false;
}

/* --- both ------------------------------------------------------------- */

static void report_manager(struct doctor *doctor, const char *name, bool found, const char *lines)
{
	if (!found)
		doctor_report(doctor, name, NOTRACK_OK, 0, "does not run");
	else
		doctor_report(doctor, name, NOTRACK_WARNING, 0, "runs, decides who is let in, and may "
			      "remove rules of ours when it is reloaded: commit again then. What it "
			      "does not let in without state, it lets in by: %s", lines);
}

void doctor_check_managers(struct doctor *doctor, const struct view *view,
			   const struct model *model)
{
	char lines[MANAGER_LINES];

	if (!managers_firewalld_lines(model, lines))
		strcpy(lines, "firewall-cmd --permanent --add-service=dns; firewall-cmd --reload");
	report_manager(doctor, "firewalld", runs("firewalld") || view_has_table(view, "firewalld"), lines);
	if (!managers_ufw_lines(model, lines))
		strcpy(lines, "ufw allow 53");
	report_manager(doctor, "ufw", has_chain(view, "ufw-user-input") ||
		       has_chain(view, "ufw6-user-input"), lines);
}
