"""What people send to a model with somebody's name or address in it. A line or a block is one template.

`{p}` a person, `{q}` another, `{g}` a given name, `{f}` a family name, `{a}` an address; these make a text personal.
`{o}` a company, `{c}` a city, `{d}` a date, `{n}` a number, `{w}` a weekday: harmless by themselves.
"""

CHAT = r"""
can u write a bday msg for {p}, she turns 40 on {w}
remind me to call {g} back before lunch
{g} said the deck is not ready, draft something that buys us time
what should i get my boss {p} as a farewell gift
tell {p} im running late lol
ok so {g} and {q} are both out on {w}, who covers?
make this nicer: {f} never answers his mails
pls reword: talked to {p} abt the deposit, he wants it back
my neighbour {p} keeps parking in front of my garage, write a note
is it rude to ask {g} for the money back? how would you put it
{p} here, can you cancel my order
hi its {g} from accounting, need a template for overdue notices
i live at {a}, whats the quickest way to the airport
send the parcel to {a} instead pls
we moved! new place is {a}. write a cute announcement
thx {g}!! now make it shorter
who's better for the role, {p} or {q}? i have their notes here
write a toast for {p} and {q}'s wedding, funny but not mean
lost my cat near {a}, write a poster
pick me up at {a} at 9 - put that in a polite text to the driver
{f} wants the slides by {w}, {q} wants them sooner. draft a reply to both
need a haiku about my daughter {g}
roast my friend {p} for his 30th, keep it pg
ask {g} if she can swap shifts w me on {w}
fyi {p} quit. word it so the team doesnt panic
"""

MAIL = r"""
Summarise this e-mail in two sentences:\n\nHi team,\n\n{p} will take over the Harbor account from {w}. Please copy her on everything.\n\nBest,\n{q}
Reply to this politely and decline:\n\nDear Ms {f},\n\nwe would like to invite you to the panel on {d}.\n\nKind regards\n{q}\n{o}
Rewrite in a friendlier tone:\n\nMr. {f},\nYour invoice {n} is overdue. Pay now.\nAccounts, {o}
Translate into German:\n\nDear {p},\n\nThank you for your order. It will arrive on {d}.
Fix the grammar:\n\nDear Sir {f}, i am write to you because the heating in my flat not works since {w}. My adress is {a}.
Write a follow-up to {p} ({o}) after yesterday's demo. She liked the reporting, and worries about price.
From: {p}\nTo: {q}\nSubject: Lease\n\nThe landlord wants an answer by {w}. Can you look at clause 4?\n\nWhat is being asked here?
Shorten:\n\nHello {g}, hope you are well! I just wanted to check in on the thing we discussed with {q} on {w}, no rush at all, but also kind of a rush.
Draft an out-of-office message that names {p} as the contact.
Turn this into a formal complaint: package left in the rain at {a}, driver rude, second time this month.
Please proofread my cover letter.\n\nDear {p},\n\nI am applying for the position of analyst at {o}. {c} has always been my home.
Extract action items:\n\n{g} - send contract\n{q} - book room\nall - read notes by {w}
Write a thank-you note to Dr. {f} for looking after my mother.
Compose an apology from {o} to customer {p}, whose delivery to {a} went missing.
Condolence letter to the family of {p}, a colleague of twelve years. Warm, short.
Reference letter for {p}, who worked with us as a site manager until {d}.
Answer: is the tone too harsh?\n\n"{g}, this is the third time. Fix it."
Draft a landlord reference: tenant {p}, flat at {a}, always paid on time.
"""

OFFICE = r"""
CRM note: met {p} (CFO, {o}) in {c}. Budget approved. Next call {w}. Rewrite as a clean entry.
Ticket #{n}: user {p} cannot print since the update. Suggest three steps.
Minutes: present {p}, {q}, {g}. Item 1: rent. Item 2: hiring. Summarise the decisions.
Performance review bullet points for {p}: great with clients, late with reports.
Candidate: {p}. Experience: 7 years of logistics. Write three interview questions.
Customer {p} called at 10:40, upset about the fee, wants a manager. Write the call summary.
Write a job offer for {p} starting {d} at {o}, salary to be discussed.
Onboarding plan, first week, for {p} (designer), buddy is {q}.
Write meeting notes from this:\n{g}: so who owns the launch?\n{q}: i do\n{g}: ok, {w} then
Expense claim by {p}: taxi {c} airport, 43.20. Is that within the usual policy?
Explain to {p} in simple words why the claim was declined.
Sort by family name: {p}; {q}
Contract between {o} and {p}, resident at {a}. Check clause 1 for mistakes.
Warehouse {c}: shift lead {p} reports three missing pallets. Draft an incident report.
Turn into a table: {p}, sales, {c}; {q}, support, {c}
Draft a warning letter to employee {p} about punctuality.
The board ({p}, chair; {q}, treasurer) met on {d}. Write the announcement.
Visitor list for {w}: {p} ({o}), {q}. Write the mail to reception.
Power of attorney: I, {p}, born in {c}, authorise {q} to sign in my name. Improve the wording.
Lead: {p} / {o} / asked for pricing / call back {w}
"""

LIFE = r"""
My therapist {p} suggested journaling. Give me five prompts.
Plan a 7th birthday party for my son {g}; he loves dinosaurs.
My grandmother {p} grew up in {c} in the fifties. Help me write her story.
I want to write to my old teacher {p} and say thanks. First draft?
Eulogy for my uncle {p}, fisherman, stubborn, kind.
Our babysitter {g} is wonderful; what is a fair tip at the end of the year?
Recipe card with the title "{p}'s plum cake": 300 g flour, 4 eggs, plums.
Seating plan: keep {p} away from {q}, they divorced last year.
My doctor, Dr {f}, prescribed rest. What does a good rest week look like?
Write a letter to the school: {g} cannot come on {w}, dentist.
Is {p} a good name for a lawyer in a novel? She really exists, she is my cousin.
My ex {p} still has a key to my flat. Which steps should I take?
Holiday card from the whole family: {p}, {q} and the kids.
Draft a will in which {p} gets the piano and {q} the boat.
Help me ask my roommate {g} to do the dishes.
Poem for {p} and {q}, married 50 years on {d}.
Carpool: {g} drives {w}, {q} drives the day after. Make a schedule.
My late husband {p} loved this song. Which verses suit a funeral?
Write a dating profile for my friend {p}, 34, nurse, climbs.
Thank {p} at number {n} for taking in my parcels.
"""

PLACES = r"""
Write directions to {a} from the main station.
Is {a} written correctly for an international parcel?
Deliver to: {a}. Ring twice. Turn this into a note for the courier.
Our office moved to {a}. Write a line for the website footer.
The tenant at {a} reported a leak in the bathroom. Draft a message to the plumber.
For sale: three-room flat, {a}, quiet, balcony. Make the ad sound better.
The accident happened in front of {a} at 17:20. Write a statement for the insurer.
Split this into street, city and code: {a}
Registered seat: {a}. Put it into the imprint.
Send the certificate to my parents at {a}, not to me.
I grew up at {a} and want to write about that street. Opening paragraph?
Pick-up: {a}\nDrop-off: {c} airport\nPassengers: 2\n\nEstimate the fare.
Change of address: from {d} you reach me at {a}. Write it to my bank.
Party at mine! {a}, {w}, bring snacks. Make it rhyme.
Neighbours of {a} complain about noise. Draft house rules.
Technician visit for {p}, {a}, between 8 and 12. Confirm by text message.
Invoice to:\n{p}\n{a}\n\nItem: garden work, 4 h. Write the invoice text.
Witness {p}, living at {a}, saw the car turn left. Turn it into a report.
Geocode this if you can, otherwise say so: {a}
Compare the commute from {a} by bike and by bus.
"""

DATA = r"""
Convert to YAML:\n{{"name": "{p}", "city": "{c}", "since": "{d}"}}
What is wrong with this JSON?\n{{"customer": {{"first": "{g}", "last": "{f}",}}, "total": {n}}}
name,team,start\n{p},ops,{d}\n{q},sales,{d}\n\nWhich team grew faster?
id;nachname;vorname;stadt\n{n};{f};{g};{c}\n\nTranslate the header.
INSERT INTO people (name, note) VALUES ('{p}', 'vip');\nMake it safe against duplicates.
user_display_name: "{p}"\nrole: editor\nExplain this config.
<contact><fn>{p}</fn><adr>{a}</adr></contact>\nConvert to JSON.
| name | score |\n|---|---|\n| {p} | 71 |\n| {q} | 64 |\n\nAdd a column with the rank.
{{"ship_to": "{a}", "sku": "A-{n}"}} - write a validation rule for ship_to
SELECT * FROM orders WHERE customer_name = '{p}' AND city = '{c}'; optimise this
BEGIN:VCARD\nN:{f};{g}\nORG:{o}\nEND:VCARD\n\nIs it complete?
[{d}] login ok user="{p}" role=admin\n[{d}] logout\n\nSummarise the log.
author = {{{f}, {g}}},\ntitle = {{Tides}},\nyear = 2019\nFix this BibTeX entry of mine.
Dear {{{{first_name}}}} -> for example "Dear {g}". Write three subject lines for {p}.
to: {p}\ncc: {q}\npriority: high\nclassify this header
const owner = "{p}"; // TODO ask {g}\nReview this line.
# written by {p} for {o}\ndef area(r):\n    return 3.14 * r * r\n\nAdd a docstring.
@Test void greets() {{ assertEquals("Hello {g} {f}", greet("{g}", "{f}")); }} explain
git log says: Author: {p}, "fix tide table". Write the changelog line and credit the author.
attendees=["{p}","{q}"]; write a loop that greets each
<td>{p}</td><td>{c}</td><td>{d}</td> turn into CSV
employee:\n  given: {g}\n  family: {f}\n  base: {c}\nas XML please
form data: name={p}&plan=gold&city={c}
key: owner value: {p} key: site value: {a}
Q: Who signs? A: {p}. Q: Where? A: {c}. Put into a table.
"""

REPORTS = r"""
{p}, who founded the bakery in 2003, says flour prices have doubled. Write a lead for this article.
The plaintiff, {p}, alleges that {o} failed to repair the lift. Summarise in plain English.
On {d} officers spoke to {p}, who denied being in {c}. Rewrite in the passive.
Student {p} handed in the essay two days late. Write feedback.
Patient {p} reports better sleep. Write the note for the file.
Pt {f}, {g}: stable, discharged, f/u in 2 wks. Expand the abbreviations.
Claim {n}: insured {p}, water damage, {c}. Write three questions to the assessor.
The coach praised {f} after the match against {c}. Headline?
{p} and {q} have been appointed trustees of the village hall. Write the notice.
Transcript:\nInterviewer: Please introduce yourself.\n{p}: I repair clocks.\nInterviewer: Since when?\nSummarise.
According to {p} the bridge was never inspected. Is this sentence defamatory?
Abstract: {f} and {q} measured tides in {c} with cheap sensors. Make it 50 words.
Obituary: {p}, beekeeper, of {c}. Survived by {q}. Make it gentle.
Missing: {p}, last seen near the station in {c}. Write a short appeal.
The lease names {p} as tenant and {q} as guarantor. Who pays if rent is late?
Deposition of {p}: "I locked the door at six." Turn into indirect speech.
Nurse {g} called about the results. Write what to say back.
Guest review: host {g} was great, flat as described. Translate to Spanish.
Police log: {p} of {a}, cited for a broken light. One sentence, neutral.
Social worker {p} visited the family {f} on {w}. Structure these notes.
"""

TASKS = r"""
Extract all names: "{p} met {q} in {c}."
Who is the sender? "Sent from my phone - {p}"
Is "{p}" male or female?
Anonymise: {p} lives in {c} with {q}.
Translate to French: {p} will be late.
Classify the sentiment: "{p} was rude to me at the desk."
Write an acrostic with the name {g}.
Spell-check: {p} recieved the parcel.
Uppercase this: {p}
Which of these is a person: Tidewater, {p}, Basalt?
Put in alphabetical order: {q}, {p}, {g}
Continue the story: {p} opened the letter and sat down.
Complete: Dear {p}, it is with great
Make a mnemonic to remember that {p} is our new dentist.
Summarize: {g} likes tea. {q} likes coffee. They argue.
Turn into a question: {p} owns the blue house at {a}.
Give a nickname for {g}.
Pronounce {p} for an English speaker, please.
Write a limerick about {p} from {c}.
Translate the greeting "Good morning, {f}-san" and explain it.
Create an e-mail signature for {p}, {o}, {c}.
Name tag text for {p} - "{o}".
Generate a username idea for {p} that isn't obvious.
Rewrite without the name: {p} stole the show.
Does {p} rhyme with anything?
"""

FAMILIES = {
    "chat": CHAT, "mail": MAIL, "office": OFFICE, "life": LIFE, "places": PLACES, "data": DATA, "reports": REPORTS, "tasks": TASKS,
}  # fmt: skip


def templates() -> list[tuple[str, str]]:
    """(name, text) of each."""
    return [
        (f"{family}-{number}", line.replace("\\n", "\n"))
        for family, block in FAMILIES.items()
        for number, line in enumerate(block.strip().split("\n"))
    ]
