/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define PORT_DEVICE	2	/* slot of the root port on bus 0 */

static pid_t qemu;
static FILE *qtest, *qmp;
static char dir[32];

static void die(const char *why)
{
	printf("# machine: %s\n", why);
	abort();
}

/* ---- the process ---- */

static int listener(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		die("no socket");
	return fd;
}

static FILE *accepted(int fd)
{
	FILE *file = fdopen(accept(fd, NULL, NULL), "r+");

	close(fd);
	if (!file)
		die("the emulator does not connect");
	return file;
}

static void run(const char *qtest_path, const char *qmp_path, const char *device)
{
	char qtest_arg[128], qmp_arg[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(qtest_arg, sizeof(qtest_arg), "unix:%s", qtest_path);
	snprintf(qmp_arg, sizeof(qmp_arg), "unix:%s", qmp_path);
	execl("build/bin/loom-qemu", "loom-qemu", "-M", "q35", "-accel", "qtest", "-m", "64M",
	      "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
	      "-nodefaults", "-display", "none", "-qtest", qtest_arg, "-qtest-log", "/dev/null",
	      "-qmp", qmp_arg, "-device", "pcie-root-port,id=port0,chassis=1,slot=1,addr=2",
	      "-device", device, NULL);
	die("build/bin/loom-qemu does not start");
}

static void setup_pci(void)
{
	config_write(PORT, PCI_PRIMARY_BUS, 0x010100);
	config_write(PORT, PCI_MEMORY_BASE, (REGS >> 16) | (REGS + 0x300000 - 1) / 0x10000 << 16);
	config_write16(PORT, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void machine_start(const char *properties)
{
	char qtest_path[64], qmp_path[64], device[256];
	int qtest_fd, qmp_fd;

	strcpy(dir, "/tmp/loom-pci-XXXXXX");
	if (!mkdtemp(dir))
		die("no directory");
	snprintf(qtest_path, sizeof(qtest_path), "%s/qtest", dir);
	snprintf(qmp_path, sizeof(qmp_path), "%s/qmp", dir);
	snprintf(device, sizeof(device), "loom,id=loom0,bus=port0,preset=tiny%s", properties);
	qtest_fd = listener(qtest_path);
	qmp_fd = listener(qmp_path);
	qemu = fork();
	if (!qemu)
		run(qtest_path, qmp_path, device);
	/* in the order in which the emulator opens them */
	qmp = accepted(qmp_fd);
	qtest = accepted(qtest_fd);
	unlink(qtest_path);
	unlink(qmp_path);
	rmdir(dir);
	monitor("qmp_capabilities", "");
	setup_pci();
}

void machine_stop(void)
{
	int status;

	monitor("quit", "");
	fclose(qtest);
	fclose(qmp);
	if (waitpid(qemu, &status, 0) != qemu || !WIFEXITED(status) || WEXITSTATUS(status))
		die("the emulator did not end well");
}

/* ---- the processor ---- */

/* One command of the qtest protocol; what follows "OK". */
static uint64_t command(const char *format, uint64_t a, uint64_t b)
{
	static char line[256];

	fprintf(qtest, format, (unsigned long long)a, (unsigned long long)b);
	fputc('\n', qtest);
	fflush(qtest);
	do {
		if (!fgets(line, sizeof(line), qtest))
			die("the emulator is gone");
	} while (!strncmp(line, "IRQ", 3));
	if (strncmp(line, "OK", 2))
		die(line);
	return strtoull(line + 2, NULL, 0);
}

uint32_t mem_read(uint64_t addr)
{
	return command("readl 0x%llx", addr, 0);
}

void mem_write(uint64_t addr, uint32_t value)
{
	command("writel 0x%llx 0x%llx", addr, value);
}

void mem_fill(uint64_t addr, uint64_t bytes, uint8_t value)
{
	char format[64];

	snprintf(format, sizeof(format), "memset 0x%%llx 0x%%llx 0x%02x", value);
	command(format, addr, bytes);
}

void machine_wait(uint64_t ns)
{
	command("clock_step %llu", ns, 0);
}

static void select_config(unsigned int bus, unsigned int reg)
{
	unsigned int device = bus == PORT ? PORT_DEVICE : 0;

	command("outl 0x%llx 0x%llx", CONFIG_ADDRESS,
		0x80000000u | bus << 16 | device << 11 | (reg & ~3u));
}

uint32_t config_read(unsigned int bus, unsigned int reg)
{
	select_config(bus, reg);
	return command("inl 0x%llx", CONFIG_DATA, 0);
}

uint16_t config_read16(unsigned int bus, unsigned int reg)
{
	select_config(bus, reg);
	return command("inw 0x%llx", CONFIG_DATA + (reg & 2), 0);
}

void config_write(unsigned int bus, unsigned int reg, uint32_t value)
{
	select_config(bus, reg);
	command("outl 0x%llx 0x%llx", CONFIG_DATA, value);
}

void config_write16(unsigned int bus, unsigned int reg, uint16_t value)
{
	select_config(bus, reg);
	command("outw 0x%llx 0x%llx", CONFIG_DATA + (reg & 2), value);
}

unsigned int config_capability(unsigned int bus, uint8_t id)
{
	unsigned int at = config_read(bus, PCI_CAPABILITY_LIST) & 0xfc;

	for (int i = 0; i < 48 && at; i++) {
		uint32_t head = config_read(bus, at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

/* ---- the monitor ---- */

static char message[4096], events[4096];

static const char *next_message(void)
{
	if (!fgets(message, sizeof(message), qmp))
		die("the monitor is gone");
	return message;
}

static bool is_answer(const char *text)
{
	return !strncmp(text, "{\"return\"", 9) || !strncmp(text, "{\"error\"", 8);
}

const char *monitor(const char *name, const char *arguments)
{
	fprintf(qmp, "{\"execute\": \"%s\", \"arguments\": {%s}}\n", name, arguments);
	fflush(qmp);
	events[0] = 0;
	while (!is_answer(next_message()))
		if (strlen(events) + strlen(message) < sizeof(events))
			strcat(events, message);
	return message;
}

/* It may have come before the answer. */
void monitor_event(const char *name)
{
	if (strstr(events, name))
		return;
	while (!strstr(next_message(), name))
		;
}

const char *monitor_fault(const char *fault)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "\"path\": \"loom0\", \"property\": \"fault\", \"value\": \"%s\"", fault);
	return monitor("qom-set", text);
}
