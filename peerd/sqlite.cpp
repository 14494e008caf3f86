#include "peerd/sqlite.h"

#include <cassert>

namespace peerd::sqlite {

bool Statement::step() {
  const int result = sqlite3_step(statement_.get());
  failed_ = result != SQLITE_ROW && result != SQLITE_DONE;
  return result == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  failed_ = false;
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? "" : std::string(text, text + bytes);
}

std::span<const std::uint8_t> Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void Statement::bind_number(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

void Statement::bind(int index, const std::string& value) {
  // No destructor: the caller keeps it (SQLITE_STATIC).
  sqlite3_bind_text(statement_.get(), index, value.data(), static_cast<int>(value.size()), nullptr);
}

void Statement::bind(int index, std::span<const std::uint8_t> value) {
  if (value.empty())
    sqlite3_bind_null(statement_.get(), index);
  else
    sqlite3_bind_blob(statement_.get(), index, value.data(), static_cast<int>(value.size()),
                      nullptr);
}

Database::Database(const std::string& path) {
  sqlite3* database = nullptr;
  sqlite3_open_v2(path.c_str(), &database,
                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
}

bool Database::execute(const std::string& sql) {
  return sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

Statement Database::prepare(const std::string& sql) {
  sqlite3_stmt* prepared = nullptr;
  const int result = sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  assert(result == SQLITE_OK);
  Statement statement;
  statement.statement_.reset(prepared);
  return statement;
}

std::int64_t Database::query_number(const std::string& sql) {
  Statement statement = prepare(sql);
  return statement.run() ? statement.get<std::int64_t>(0) : 0;
}

std::string Database::error() const {
  const int code = sqlite3_errcode(database_.get());
  const bool fine = code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE;
  return fine ? "" : sqlite3_errmsg(database_.get());
}

bool Database::is_damaged() const {
  const int code = sqlite3_errcode(database_.get()) & 0xff;
  return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

}  // namespace peerd::sqlite
