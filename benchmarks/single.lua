-- One event a request, each with an id of its own. SEED keeps runs apart, GUIDE=1 writes the setup guide's shape.
local seed = tonumber(os.getenv("SEED") or "1")
local threads, n = 0, 0
function setup(thread) thread:set("tid", threads); threads = threads + 1 end
local native = '{"event":"Lead","booking_id":"BK-%d-%d-%d","customer":{"phone":"+62812%07d","name":"Budi Santoso","email":"budi%d@example.com","city":"Jakarta Selatan","country":"ID"},"value":150000,"currency":"IDR","services":[{"name":"Repaint Bodi Halus","price":150000}],"source":"agent"}'
local headers = { ["Content-Type"] = "application/json" }
function request()
  n = n + 1
  return wrk.format("POST", "/v1/events", headers, string.format(native, seed, tid, n, n % 10000000, n))
end
