// PID 1 of a task's PID namespace: reaps, passes signals on, and ends with the main process, by
// which the kernel ends everybody else in the namespace.
//
//     init PID [STATUS]     the main process, a child of this one since before exec
//
// It may be moved along with the task, as a file in the task's own directory, so it depends on
// nothing of the board: no libraries, not even a C library, no memory but its stack. Its own exit
// status (128 + N for signal N) does not tell all of how the main process ended, which is therefore
// also in the file STATUS, for an executor that is not its parent any more, too: "exited N\n" or
// "signaled N\n". Without that file its only descriptor is 0, an eventfd, which gets the main
// process's wait status plus one.
#include <linux/fcntl.h>
#include <linux/signal.h>
#include <linux/unistd.h>

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
  long main_process;
  const char* status_file;  // or none
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

[[noreturn]] void end(const Task& task, int wait_status) {
  const int signal = wait_status & 0x7f;
  const int code = (wait_status >> 8) & 0xff;
  if (task.status_file != nullptr) {
    write_status(task.status_file, signal != 0, signal != 0 ? signal : code);
  } else {
    const unsigned long long told = static_cast<unsigned long long>(wait_status) + 1;
    system_call(__NR_write, 0, address(&told), sizeof told);
  }
  for (;;) system_call(__NR_exit_group, signal != 0 ? 128 + signal : code);
}

// Whoever has ended; does not return if the main process is among them.
void reap(const Task& task) {
  for (;;) {
    int status = 0;
    const long pid = system_call(__NR_wait4, -1, address(&status), kNoHang);
    if (pid == task.main_process) end(task, status);
    if (pid <= 0) return;
  }
}

}  // namespace

// Signals are blocked, not handled: pending ones are part of a checkpoint.
extern "C" [[noreturn]] void run_init(const long* stack) {
  // The stack of a process that begins: the number of arguments, they, and a null.
  const Task task = {number(reinterpret_cast<const char*>(stack[2])),
                     reinterpret_cast<const char*>(stack[3])};
  unsigned long signals = ~(1ul << (kContinue - 1));
  system_call(__NR_rt_sigprocmask, SIG_SETMASK, address(&signals), 0, sizeof signals);
  for (;;) {
    reap(task);
    const long signal = system_call(__NR_rt_sigtimedwait, address(&signals), 0, 0, sizeof signals);
    if (signal > 0 && signal != kChildEnded) system_call(__NR_kill, -1, signal);
  }
}
