// PID 1 of a task's PID namespace: reaps, passes signals on, and when the main process ends, sees
// to it that so does everybody else in the namespace.
//
//     init PID STATUS       of a movable task: PID is a child of this one since before exec
//     init                  of one task after another, see task_namespace.h
//
// It may be moved along with the task, as a file in the task's own directory, so it depends on
// nothing of the board: no libraries, not even a C library, no memory but its stack.
//
// A movable task's init ends with the main process. Its own exit status (128 + N for signal N) does
// not tell all of how that ended, which is therefore also in the file STATUS, for an executor that
// is not its parent any more, too: "exited N\n" or "signaled N\n".
//
// The other one has a socket for descriptor 0. A main process writes its number to it before it
// does anything else, so the number is there when the process is reaped; its end is answered by a
// CommandEnd.
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/unistd.h>

#include "peerd/command_end.h"

namespace {

#if defined(__x86_64__)
long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result;
  register long r10 asm("r10") = d;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
}
asm(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run_init\n");
#elif defined(__riscv)
long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  register long a7 asm("a7") = number;
  register long a0 asm("a0") = a;
  register long a1 asm("a1") = b;
  register long a2 asm("a2") = c;
  register long a3 asm("a3") = d;
  asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
  return a0;
}
asm(".globl _start\n_start: mv a0, sp\n andi sp, sp, -16\n call run_init\n");
#elif defined(__aarch64__)
long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
asm(".globl _start\n_start: mov x0, sp\n bl run_init\n");
#else
#error "init: this processor's system calls are not known"
#endif

constexpr long kNoHang = 1;
constexpr long kAnyKind = 0x40000000;  // __WALL
constexpr long kInterrupted = -4;
constexpr int kStopped = 0x7f;   // the low byte of a wait status
constexpr long kDetach = 17;     // PTRACE_DETACH
constexpr int kTrap = 5;         // SIGTRAP, of an exec
constexpr int kChildEnded = 17;  // SIGCHLD
constexpr int kContinue = 18;    // SIGCONT resumes a checkpoint: never passed on

long address(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

int number(const char* text) {
  int value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = 10 * value + (*text - '0');
  return value;
}

class Line {
 public:
  void add(const char* text) {
    while (*text != '\0') text_[size_++] = *text++;
  }
  void add(int value) {
    if (value >= 10) add(value / 10);
    text_[size_++] = static_cast<char>('0' + value % 10);
  }
  const char* text() const { return text_; }
  long size() const { return size_; }

 private:
  char text_[32] = {};
  int size_ = 0;
};

struct Task {
  long main_process;        // 0: none that is known
  const char* status_file;  // of a movable one
};

// The file has been there, empty, since the task was started: a directory that belongs to root is
// no obstacle.
void write_status(const char* file, bool signaled, int value) {
  Line line;
  line.add(signaled ? "signaled " : "exited ");
  line.add(value);
  line.add("\n");
  const long fd = system_call(__NR_openat, AT_FDCWD, address(file), O_WRONLY);
  if (fd < 0) return;
  system_call(__NR_write, fd, address(line.text()), line.size());
  system_call(__NR_fsync, fd);
}

[[noreturn]] void end_with(const Task& task, int wait_status) {
  const int signal = wait_status & 0x7f;
  const int code = (wait_status >> 8) & 0xff;
  write_status(task.status_file, signal != 0, signal != 0 ? signal : code);
  for (;;) system_call(__NR_exit_group, signal != 0 ? 128 + signal : code);
}

// Everybody in the namespace is this process's child by the time that he has ended.
void end_everybody() {
  system_call(__NR_kill, -1, SIGKILL);
  long pid;
  do pid = system_call(__NR_wait4, -1, 0, kAnyKind);
  while (pid > 0 || pid == kInterrupted);
}

long long microseconds(const __kernel_old_timeval& time) {
  return static_cast<long long>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

void report(int wait_status, const rusage& usage) {
  const CommandEnd told = {microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                           wait_status};
  system_call(__NR_write, 0, address(&told), sizeof told);
}

bool is_main_process(Task& task, long pid) {
  if (task.status_file == nullptr && task.main_process == 0) {
    int number = 0;
    if (system_call(__NR_read, 0, address(&number), sizeof number) == sizeof number)
      task.main_process = number;
  }
  return pid == task.main_process;
}

// Whoever has ended; does not return if the movable task's main process is among them.
void reap(Task& task) {
  for (;;) {
    int status = 0;
    rusage usage;
    const long pid = system_call(__NR_wait4, -1, address(&status), kNoHang, address(&usage));
    if (pid <= 0) return;
    // It has asked to be traced by its parent, and has stopped: it goes on untraced.
    if ((status & 0xff) == kStopped) {
      const int signal = (status >> 8) & 0xff;
      system_call(__NR_ptrace, kDetach, pid, 0, signal == kTrap ? 0 : signal);
      continue;
    }
    if (!is_main_process(task, pid)) continue;
    if (task.status_file != nullptr) end_with(task, status);
    end_everybody();
    report(status, usage);
    task.main_process = 0;
  }
}

}  // namespace

// Signals are blocked, not handled: pending ones are part of a checkpoint.
extern "C" [[noreturn]] void run_init(const long* stack) {
  // The stack of a process that begins: the number of arguments, they, and a null.
  Task task = {0, nullptr};
  if (stack[0] == 3)
    task = {number(reinterpret_cast<const char*>(stack[2])),
            reinterpret_cast<const char*>(stack[3])};
  unsigned long signals = ~(1ul << (kContinue - 1));
  system_call(__NR_rt_sigprocmask, SIG_SETMASK, address(&signals), 0, sizeof signals);
  for (;;) {
    reap(task);
    const long signal = system_call(__NR_rt_sigtimedwait, address(&signals), 0, 0, sizeof signals);
    if (signal > 0 && signal != kChildEnded) system_call(__NR_kill, -1, signal);
  }
}
