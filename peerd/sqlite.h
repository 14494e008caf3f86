// SQLite's C interface with owners and bound types; see sqlite3.h for what it does.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

namespace peerd::sqlite {

// A prepared statement, used again and again. 64-bit numbers without a sign are stored as SQLite's
// own with the same bits.
class Statement {
 public:
  Statement() = default;

  // Binds all parameters, from ?1 on, and takes the first step: true if there is a row.
  template <typename... Values>
  bool run(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    return step();
  }
  // The next row; false at the end, or on an error that failed() tells.
  bool step();
  bool failed() const { return failed_; }
  // Ends reading, and forgets what was bound.
  void reset();

  std::uint64_t number(int column) const;
  template <typename Number>
  Number get(int column) const {
    return static_cast<Number>(number(column));
  }
  std::string text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;  // valid until the next step
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  template <typename Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) void bind(int index,
                                                                           Number value) {
    bind_number(index, static_cast<std::int64_t>(value));
  }
  void bind_number(int index, std::int64_t value);
  void bind(int index, const std::string& value);             // must live until reset()
  void bind(int index, std::span<const std::uint8_t> value);  // likewise; no bytes: NULL

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  bool failed_ = false;
};

class Database {
 public:
  // Opens or creates it. Check error().
  explicit Database(const std::string& path);

  // False, and error(), on failure. Several statements at once.
  bool execute(const std::string& sql);
  // Requires that the text is right.
  Statement prepare(const std::string& sql);
  std::int64_t query_number(const std::string& sql);  // the first row's first column, or 0

  // "database or disk is full", or empty if nothing went wrong last.
  std::string error() const;
  bool is_damaged() const;  // not a database, or its structure is broken

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace peerd::sqlite
