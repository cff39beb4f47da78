"""What is owed, paper by paper and account by account, as one statement each."""

# A credit note that credits an invoice lowers that invoice; it has no open amount of its own.
_PAPERS = """
WITH credited AS (
    SELECT credits_id AS id, sum(gross) AS amount FROM billing_invoice
    WHERE state = 'issued' AND kind = 'credit_note' AND credits_id IS NOT NULL
    GROUP BY 1
), moves AS (
    SELECT a.invoice_id, a.settlement_id, a.reminder_id,
        CASE WHEN p.direction = 'out' THEN a.amount ELSE -a.amount END AS amount
    FROM billing_paymentallocation a LEFT JOIN billing_payment p ON p.id = a.payment_id
    WHERE a.released_at IS NULL
    UNION ALL
    SELECT from_invoice_id, from_settlement_id, NULL, amount FROM billing_paymentallocation
    WHERE released_at IS NULL AND (from_invoice_id IS NOT NULL OR from_settlement_id IS NOT NULL)
), invoice_moves AS (
    SELECT invoice_id AS id, sum(amount) AS amount FROM moves
    WHERE invoice_id IS NOT NULL GROUP BY 1
), settlement_moves AS (
    SELECT settlement_id AS id, sum(amount) AS amount FROM moves
    WHERE settlement_id IS NOT NULL GROUP BY 1
), papers AS (
    SELECT i.id, i.account_id, i.currency, i.due_on,
        CASE WHEN i.kind = 'credit_note' THEN -i.gross ELSE i.gross END
            - coalesce(c.amount, 0) + coalesce(m.amount, 0) AS open
    FROM billing_invoice i
    LEFT JOIN credited c ON c.id = i.id LEFT JOIN invoice_moves m ON m.id = i.id
    WHERE i.state = 'issued' AND (i.kind = 'invoice' OR i.credits_id IS NULL)
), statements AS (
    SELECT s.id, s.account_id, s.currency, -s.total + coalesce(m.amount, 0) AS open
    FROM billing_settlement s LEFT JOIN settlement_moves m ON m.id = s.id
    WHERE s.direction = 'payable' AND s.state <> 'draft'
)
"""
OPEN_PAPERS = (
    _PAPERS
    + """
SELECT id, open FROM papers
WHERE open <> 0 AND (%(currency)s = '' OR currency = %(currency)s)
    AND (%(account)s::bigint IS NULL OR account_id = %(account)s)
ORDER BY due_on, id LIMIT %(limit)s
"""
)
OPEN_SETTLEMENTS = (
    _PAPERS
    + """
SELECT id, open FROM statements
WHERE open <> 0 AND (%(currency)s = '' OR currency = %(currency)s)
    AND (%(account)s::bigint IS NULL OR account_id = %(account)s)
ORDER BY id LIMIT %(limit)s
"""
)
OVERDUE_PAPERS = (
    _PAPERS
    + """
SELECT id, open FROM papers
WHERE open > 0 AND due_on < %(on)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
)
# Days are those since the due date; money of theirs that we hold has no age.
_AGES = (
    _PAPERS
    + """
, fees AS (
    SELECT i.account_id, r.currency, r.fee + coalesce(sum(m.amount), 0) AS open
    FROM billing_reminder r JOIN billing_invoice i ON i.id = r.invoice_id
    LEFT JOIN moves m ON m.reminder_id = r.id
    WHERE r.state = 'sent' AND r.fee > 0
    GROUP BY r.id, i.account_id, r.currency, r.fee
), sums AS (
    SELECT account_id, currency, %(on)s::date - due_on AS days, open, 'paper' AS what FROM papers
    WHERE open <> 0
    UNION ALL SELECT account_id, currency, NULL, open, 'settlement' FROM statements WHERE open <> 0
    UNION ALL SELECT account_id, currency, NULL, open, 'fee' FROM fees WHERE open <> 0
    UNION ALL
    SELECT account_id, currency, NULL,
        CASE WHEN direction = 'out' THEN amount - allocated ELSE allocated - amount END, 'payment'
    FROM billing_payment WHERE allocated < amount AND NOT is_set_aside
)
"""
)
_FIGURES = """
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days < 0), 0) AS not_due,
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days BETWEEN 0 AND 30), 0)
        AS days_0_30,
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days BETWEEN 31 AND 60), 0)
        AS days_31_60,
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days BETWEEN 61 AND 90), 0)
        AS days_61_90,
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days > 90), 0)
        AS days_over_90,
    coalesce(sum(open) FILTER (WHERE what = 'fee'), 0) AS fees,
    coalesce(sum(open) FILTER (WHERE what = 'paper' AND open < 0), 0) AS credits,
    coalesce(sum(open) FILTER (WHERE what = 'settlement'), 0) AS settlements,
    coalesce(sum(open) FILTER (WHERE what = 'payment'), 0) AS payments,
    coalesce(sum(open), 0) AS balance
"""
AGEING_TOTALS = f"{_AGES} SELECT currency, {_FIGURES} FROM sums GROUP BY currency ORDER BY currency"
AGEING_ACCOUNTS = f"""{_AGES}
SELECT account_id, currency, {_FIGURES} FROM sums
WHERE account_id IS NOT NULL AND (%(account)s::bigint IS NULL OR account_id = %(account)s)
GROUP BY account_id, currency
ORDER BY coalesce(sum(open) FILTER (WHERE what = 'paper' AND open > 0 AND days >= 0), 0) DESC,
    account_id, currency
LIMIT %(limit)s OFFSET %(offset)s
"""
