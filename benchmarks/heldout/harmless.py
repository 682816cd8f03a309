"""Prompts without anything personal: what people ask every day, and what programmers ask. One line is one prompt.

They mention what scanners stumble over: public places, products, people of history, illnesses and money in general, long
numbers, versions, dates, hashes, capitals. `{…}` are filled from the lists below, so that one line gives several prompts.
"""

EVERYDAY = r"""
Give me three ideas for a rainy afternoon with children.
Explain photosynthesis to a ten-year-old.
Write a packing list for a week in the mountains.
What is the difference between a crocodile and an alligator?
Suggest a vegetarian dinner with {food} and rice.
How do I get {stain} stains out of a white shirt?
Write a short poem about the sea in winter.
Turn the following into a question: The museum opens at nine.
Give five synonyms for "quick" and use each in a sentence.
Correct the grammar: Their going too the market because they is out of milk.
What does the idiom "to bite the bullet" mean?
Rewrite the sentence in the passive voice: The committee rejected the proposal.
List the planets in order of size.
How many teaspoons are in a tablespoon?
Write a slogan for a shop that sells umbrellas.
Make a shopping list for pancakes for six people.
Which is healthier, {food} or {food2}? Keep it short.
Translate "Where is the nearest pharmacy?" into Italian.
Name four board games for two players.
Describe the taste of {food} to someone who has never had it.
What are the rules of {sport} in five bullet points?
Write the opening of a mystery set in a lighthouse.
Explain inflation as if I were five.
Create a riddle whose answer is "shadow".
How should I store {food} so that it lasts longer?
Is a tomato a fruit or a vegetable? Explain the argument on both sides.
What can I do in {place} in two days?
Draft a polite sign asking guests not to smoke on the balcony.
Compare trains and planes for a trip of 600 km.
Plan a beginner's running schedule for eight weeks.
Write a fable in which a fox learns to share.
Why is the sky blue at noon and red in the evening?
What is the best time of year to visit {place}?
Write four discussion questions about a novel on friendship.
Convert 350 degrees Fahrenheit to Celsius.
Summarise the water cycle in three sentences.
Classify these animals as mammal or reptile: bat, gecko, whale, turtle.
Identify the odd one out: violin, trumpet, cello, harp.
Write a cheerful two-line message for a get-well card.
What are good questions to ask at the end of a job interview?
Write an advertisement for a second-hand bicycle, red, 21 gears.
Give me a tongue twister with the letter P.
How does a heat pump work?
Explain the offside rule.
Suggest names for a black cat.
What is the plural of "octopus"?
Rank these by calories: almonds, {food}, butter, lettuce.
Write a dialogue between the sun and the moon.
Tell me a joke about {sport}.
Make this text more formal: Hey guys, we gotta move the meeting, sorry!
Find the main idea: Bees navigate by the sun. On cloudy days they use polarised light. Even young bees know how.
Is this review positive or negative? "The soup was cold, but the waiter made up for it."
Fill in the blank: The opposite of ancient is ____.
Generate a list of ten words that rhyme with light.
How long should I boil an egg for a soft yolk?
What is the moral of the tortoise and the hare?
Write a tweet announcing that the library is open on Sundays.
Which months have 30 days?
Give an argument for and one against school uniforms.
Describe a typical day of a beekeeper.
Suggest a title for an essay about light pollution.
Write instructions for folding a paper plane.
Paraphrase: All that glitters is not gold.
Is the following sentence a fact or an opinion? Winter is better than summer.
What are the ingredients of a classic {dish}?
Edit for clarity: Due to the fact that it was raining, the match was not able to take place.
Turn these notes into a paragraph: tides - moon - twice a day - stronger at new moon.
Write a haiku about {place}.
What would happen if the moon disappeared?
Explain the joke: I would tell you a chemistry joke but I know I would not get a reaction.
Suggest three hobbies for somebody who likes {sport}.
How do I ask for a window seat in Japanese?
Give me a 20-minute workout without equipment.
Create a multiple-choice question about volcanoes.
What is the etymology of the word "salary"?
Which instruments play in a string quartet?
Provide two examples of alliteration.
Summarize the plot of {book} in one paragraph.
Who is the main character of {book}, and what does he or she want?
Recommend a film that is similar to {film}.
Is {product} worth its price? List pros and cons.
How do I reset {product} to factory settings?
Compare {product} with {product2} for travelling.
Write a product description for noise-cancelling headphones.
When was {monument} built, and why?
How tall is {monument}?
Write a tour guide's introduction to {monument}.
What is the capital of {country}?
List three rivers in {country}.
What do people in {country} eat for breakfast?
Which languages are spoken in {country}?
How do I say "thank you" in the language of {country}?
Describe the flag of {country}.
"""

HISTORY = r"""
Summarise the life of {famous} in five sentences.
Why is {famous} remembered today?
Write a diary entry that {famous} might have written.
Compare {famous} and {famous2}.
What did {famous} mean for science or the arts? Answer for a school class.
Quiz me on {famous}: three questions, easy to hard.
Which of these lived first: {famous} or {famous2}?
Put a famous quotation of {famous} into modern English.
"""

HEALTH_AND_MONEY = r"""
What are the symptoms of {illness}?
How is {illness} treated in adults?
Can {illness} be prevented by a better diet?
Explain the difference between a cold and {illness}.
Is {drug} safe to take with grapefruit?
What are common side effects of {drug}?
How much sleep does a teenager need?
List foods that are rich in iron.
What does a blood pressure of 120 over 80 mean?
Explain compound interest with an example of 1,000 at 5%.
What is the average salary of an electrician in {country}?
Should one pay off a mortgage early or invest instead? General considerations please.
Explain the difference between a debit card and a credit card.
What is an IBAN, and which countries use it?
How does a social security number differ from a tax number?
Why do banks ask for two-factor authentication?
What is a good password policy for a small company?
What does an API key do? Explain it to a beginner.
How do index funds work?
What is GDPR in simple words?
How do phone numbers work internationally? What is a country code?
Explain what an IP address is.
What is the difference between IPv4 and IPv6?
How does a company register for VAT in {country}?
Write a general template for a sick note without any details filled in.
What should an emergency fund cover?
Which vaccinations are recommended for a trip to {country}?
What is the difference between a will and a trust?
"""

BUSINESS = r"""
Write a mission statement for a company that repairs bicycles.
Draft an agenda for a one-hour kick-off meeting.
Our revenue grew from 1.2 million to 1.5 million. What is the growth rate?
Write a press release for a new line of water bottles, without quotes.
List five key figures for a subscription business.
Improve this headline: New App Saves You Time.
Write a polite reminder that timesheets are due on Friday.
SWOT analysis for a small bakery.
Write a job advertisement for a warehouse worker, early shift.
What is the difference between gross and net margin?
Summarise: Q3 sales rose 4%, driven by accessories; returns fell; the forecast stays at 12.5 million.
Order 48213 has 3 items of 19.99 each and shipping of 4.95. What is the total?
Ticket 10482 is a duplicate of 10377. Write a closing comment.
Turn into bullet points: The pilot starts on 4 March, covers two sites, and ends after 90 days.
Write an FAQ entry about delivery times.
Explain to customers why prices rise by 3% from January.
Write an error message for a payment that was declined.
Draft terms for a voucher: 10% off, valid until 31 December, not combinable.
Part no. 4471-220-B is out of stock until week 32. Write a note for the shop page.
Our support line is open 9 to 5. Write a sentence for the website without a number.
Categorise this feedback as bug, wish or praise: "The export button does nothing in version 3.2.1."
Write a retro summary: what went well, what did not, what we try next. Keep it generic.
Suggest ten domain names for a tea shop.
Invoice 2024-00317, 12 hours at 85.00, VAT 19%. Compute net, VAT and total.
SKU 8820-114, batch 20240611, expires 2026-06. Write the label text.
The flight LH 454 leaves at 10:15 and lands at 12:55 local time. How long is it if the difference is nine hours?
Room 4.12 is booked from 14:00 to 15:30. Suggest a shorter slot.
Write a neutral answer to a one-star review about slow shipping.
Create a checklist for closing the shop in the evening.
Which chart fits monthly sales of four regions?
Meter reading 004512 on 1 May and 004618 on 1 June. What was used?
Write the notice: lift out of service, floors 3 to 7, until Thursday noon.
"""

FICTION = r"""
Sherlock Holmes meets Dracula. Write the first page.
Who would win a chess match, Gandalf or Dumbledore? Argue.
Write a bedtime story about a dragon who is afraid of {food}.
Describe a city on Mars in the year 2300.
Invent a superhero whose power is punctuality.
Rewrite Little Red Riding Hood from the wolf's point of view.
A robot finds a flower. Continue for 100 words.
Write a letter from a tree to the river beside it.
Summarise Romeo and Juliet as a weather report.
Write a monologue for a retired pirate.
What is Hamlet's tragic flaw?
Invent three proverbs for a nation of penguins.
"""

CODE = r'''
Write a Python function that returns the n-th Fibonacci number.
What does this do?\n\nfor i in range(10):\n    print(i ** 2)
Explain the difference between == and === in JavaScript.
Write a SQL query that returns the ten most frequent values of a column.
How do I undo the last git commit without losing changes?
Fix the bug:\n\ndef mean(xs):\n    return sum(xs) / len(x)
Refactor this:\n\nif (a == true) {\n  return true;\n} else {\n  return false;\n}
What is the time complexity of binary search?
Write a regular expression that matches dates such as 2024-02-29.
Convert this to a list comprehension:\n\nout = []\nfor w in words:\n    if len(w) > 3:\n        out.append(w.upper())
Explain this error: TypeError: 'NoneType' object is not subscriptable
Write unit tests for a function that validates an e-mail address. Use no real ones.
def has_close_elements(numbers: list[float], threshold: float) -> bool:\n    """ Check if any two numbers are closer than threshold.\n    >>> has_close_elements([1.0, 2.8, 3.0], 0.3)\n    True\n    """
def parse_version(text: str) -> tuple[int, ...]:\n    """ >>> parse_version("3.11.7")\n    (3, 11, 7)\n    """
What is wrong with this CSS?\n.box { colour: #ff8800; margin: 0 auto }
Write a Dockerfile for a Flask app on python:3.12-slim.
Explain: SELECT a.id, COUNT(*) FROM orders a JOIN items b ON a.id = b.order_id GROUP BY a.id HAVING COUNT(*) > 3;
kubectl get pods shows CrashLoopBackOff. Where do I look first?
Write a bash loop that renames *.jpeg to *.jpg.
Is this JSON valid? {"a": [1, 2, 3,], "b": null}
Explain this stack trace:\nTraceback (most recent call last):\n  File "app.py", line 42, in main\n    total = price * qty\nTypeError: can't multiply sequence by non-int of type 'float'
Implement a queue with two stacks in Java.
How can I make this Rust code compile?\nlet s = String::from("hi"); let t = s; println!("{}", s);
Translate this Python to Go:\n\ndef add(a, b):\n    return a + b
Write a GitHub Actions workflow that runs pytest on 3.11 and 3.12.
What does chmod 644 mean?
commit 9fceb02d0ae598e95dc970b74767f19372d61af8 broke the build. How do I bisect?
The checksum is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855. Why is that the hash of nothing?
requests==2.31.0 and urllib3==2.2.1 conflict. How do I pin them?
Why does 0.1 + 0.2 == 0.30000000000000004?
Explain UUIDs such as 123e4567-e89b-12d3-a456-426614174000.
nginx.conf:\nserver { listen 8080; server_name localhost; location / { root /var/www; } }\nAdd gzip.
log:\n2024-05-14T08:31:07Z INFO worker-3 job=88213 state=done took=412ms\nWrite a regex for the fields.
Port 5432 is already in use. How do I find the process?
curl http://localhost:8000/health returns 503. What could be wrong?
Write a TypeScript type for a tree of comments.
What is the difference between INNER JOIN and LEFT JOIN?
x = [[0] * 3] * 3; x[0][0] = 1; print(x) - why three ones?
Write a Makefile with the targets build, test and clean.
Explain this assembly:\nmov eax, 1\nadd eax, 0x2A\nret
Solve in Haskell: sum of the squares of the even numbers below 1000.
class Node:\n    def __init__(self, value, next=None):\n        self.value = value\n        self.next = next\n\nAdd a method that reverses the list.
terraform plan wants to replace aws_instance.web. How do I see why?
README badge for build passing, please, in markdown.
Why is my React component rendering twice in development?
Optimise: df[df["amount"] > 1000000].groupby("region")["amount"].sum()
Give the output: print("%05d|%8.3f" % (42, 3.14159265))
matrix = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]; transpose it in one line
Write a function is_prime(n) and test it for 1000003.
.env.example:\nDATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DB\nAPI_KEY=<your key here>\nDocument each variable.
password = os.environ["DB_PASSWORD"]\nIs reading it this way safe?
def login(username: str, password: str) -> Token: ...\nWrite the docstring.
token = secrets.token_urlsafe(32)\nHow many bits of entropy?
const API_KEY = process.env.API_KEY; throws undefined in Vite. Why?
assert luhn("0000 0000 0000 0000")\nWhy does this pass?
version: "3.9"\nservices:\n  web:\n    image: nginx:1.25\n    ports: ["80:80"]\nAdd a healthcheck.
public static int Main(string[] args) { Console.WriteLine(args.Length); return 0; }\nWhat does it print with no arguments?
#include <stdio.h>\nint main(void) { printf("%d\\n", 0xDEADBEEF); }\nWhy is it negative?
Explain what `git rebase -i HEAD~3` does.
Sort this list of tuples by the second item: [(1, 9), (2, 3), (3, 7)]
lorem = "x" * 1024; print(len(lorem.encode("utf-16")))
Explain the CAP theorem in four sentences.
const {data, error} = await supabase.from("books").select("*").eq("id", 12)
font-family: "Helvetica Neue", Arial, sans-serif;  which one is used on Linux?
ISO 8601 week of 2024-12-30?
Explain 127.0.0.1 and 0.0.0.0.
5 GB at 100 Mbit/s: how long?
crontab: 15 3 * * 1-5 - when does this run?
How do I parse "1,234,567.89" as a float in pandas?
Write a jq filter that keeps the key "id" of each element.
arr = np.array([[1.5, 2.25], [3.125, 4.0625]]); np.round(arr, 1)
base64 of "hello world" is aGVsbG8gd29ybGQ=. How does the padding work?
0x1F600 is which emoji?
Explain the escape \u00e9 in JSON.
URL-encode a space and a slash: what are %20 and %2F?
'''

NUMBERS = r"""
Add 4821, 977 and 13058.
What is 17% of 2,450?
Round 3.14159265358979 to four digits.
A train leaves at 08:12 and arrives at 11:47. How long does it take?
The ISBN of the book is 978-3-16-148410-0. Which part is the check digit?
Find the next number: 2, 6, 12, 20, 30.
Convert 1011 0110 to decimal.
How many seconds are in a leap year?
Flight QF9 covers 14,498 km in 17 hours 20 minutes. Average speed?
Order no. 20240518-0042: 24 boxes of 36 pens. How many pens?
Simplify 144/360.
Solve 3x + 7 = 25.
Tracking status of parcel "in transit" since 12/05. How long may that take?
The population rose from 3,415,091 to 3,520,031. By how many percent?
Coordinates 48.8584, 2.2945: which monument is that?
Write 1999 in Roman numerals.
Article 17 paragraph 3 of regulation 2016/679: what is it about?
The serial of the model is on the back, form AB-1234. Where else might it be?
What day of the week was 20 July 1969?
Compare 2^64 and 10^19.
Standard DIN EN 1090-2:2018: what does it cover?
Temperatures: 21.5 22.0 19.8 23.1 20.4. Mean and median?
Lottery: 6 of 49. What are the odds?
RAL 7016 or RAL 9005 for a front door?
Bolt M8 x 1.25, class 10.9: what torque?
Chess: 1. e4 e5 2. Nf3 Nc6 3. Bb5. Which opening?
Score 3-2, 1-0, 2-2, 0-4. Which team scored more in total?
Is 2,147,483,647 prime?
Which is larger, 0.125 or 1/9?
Bus lines 12, 14 and 27 stop here. What is the least common multiple?
The recipe makes 12; I need 30. Scale 250 g flour, 2 eggs, 120 ml milk.
Wavelength 532 nm: which colour?
"""

NAMESAKES = r"""
State the Pythagorean theorem and prove it.
When do I use the Adam optimizer instead of plain SGD?
What is a Bernoulli trial?
Explain Parkinson's law of triviality.
How does a Fourier transform differ from a Laplace transform?
Write a recipe for Beef Stroganoff without mushrooms.
Which is taller, Mount Everest or Mount Kilimanjaro?
Where are the Victoria Falls?
Explain Moore's law and why it is slowing down.
What is the Monty Hall problem?
Is Washington, D.C. a state?
How do I install Jenkins on Ubuntu 22.04?
Compare Django, Laravel and Ruby on Rails.
What is a Faraday cage?
How many degrees Celsius are 300 Kelvin?
Explain the Doppler effect with a passing ambulance.
Name the five Great Lakes.
Which teams play in the Premier League?
What is a Cartesian product?
Explain the Turing test.
Does Tesla make batteries for homes?
What does Johnson & Johnson produce?
Compare Ford, Mercedes and Ferrari as brands.
What is the difference between Earl Grey and Lady Grey tea?
Explain Newton's third law with a rocket.
How do I use the Jordan normal form?
What are Petri dishes made of?
Is a Granny Smith sweeter than a Braeburn?
Which months are named after Roman emperors?
Explain Bayes' rule with a coin.
What is the Heimlich manoeuvre? Steps please.
How is Alzheimer's disease different from normal forgetfulness?
Write a will-o'-the-wisp story set in a marsh.
May I hope for rain in the summer, or will it stay dry?
The rich grace notes in the score: how are they played?
Set a price for a stone table at the bank of the river.
What is a mark-up page?
Bill of materials for a wooden bench.
Frank talk about sunny joy: make this headline less silly.
Explain public key cryptography with Alice and Bob.
What is the Nobel Prize, and in which fields is it given?
How do I get from Charles de Gaulle airport to Gare du Nord?
Which line stops at King's Cross St Pancras?
Describe Van Gogh's technique in general.
St. Patrick's Day: what is celebrated?
Who plays first in the Davis Cup, home or away?
"""

LONGER = r"""
Read the passage and answer.\n\nCoral reefs cover less than one percent of the ocean floor, yet a quarter of all marine species depend on them. Warm water makes the polyps expel the algae that feed them. A reef can recover from one such summer, seldom from two in a row.\n\nWhy do reefs bleach?
Summarise in one sentence.\n\nThe city will close the old bridge for fourteen months. Buses take the tunnel instead, cyclists a floating walkway. Shops on the north bank fear for their trade; the council promises lower rents until the work is done.
Rewrite for a general audience.\n\nThe device employs a Peltier element operating at 12 V and 4.5 A, with a PID controller that holds the plate within 0.2 K of the set point.
Proofread.\n\nThe new printers was delivered yesterday. Please dont connect them before the IT departement has updated the drivers. The old ones will be picked up on friday.
Given the premise and the hypothesis, answer with entailment, neutral or contradiction.\nPremise: Two dogs run across a frozen lake.\nHypothesis: Animals are outdoors.
Classify the headline as business, sport, science or world: "Probe finds water ice below the dust of the southern crater".
Answer the question with the help of the table.\n| city | rain mm | sun h |\n| Bergen | 2250 | 1187 |\n| Athens | 365 | 2773 |\nWhich city is drier?
Read the conversation and name the mood.\nA: The train is late again.\nB: We could walk.\nA: In this rain?\nB: Then we wait.
Write a review of 80 words: a small restaurant by the river, good bread, slow service, lovely light in the evening.
Continue the list with five more: Fold the corners. Press the seam. Trim the thread.
I have flour, milk, two eggs and some spinach. The oven is broken. What can I cook in half an hour, and in which order?
Explain to a new colleague how our branching works: main is protected, features go into branches named feat/..., and releases are tagged v1.2.3.
Design a table for a library: books, copies, loans. Name the columns, types and keys, and give the CREATE TABLE statements.
In a village with 120 houses, a third have a garden, half of those with a garden have an apple tree. How many houses have an apple tree?
A baker sells rolls at 0.45 and loaves at 2.80. On one day 210 rolls and 64 loaves were sold. What was taken?
Evaluate both answers and say which is better.\nQuestion: Why do leaves turn yellow?\nAnswer 1: Because the green pigment breaks down.\nAnswer 2: Because it is cold.
Turn the following specification into test cases. The lift must not move with open doors. It stops at the nearest floor when the alarm is pressed. It must carry 630 kg or 8 persons.
Turn this changelog into release notes.\n- fix: rounding of VAT in exports (#4821)\n- feat: dark mode\n- chore: bump node to 20.11.1\n- perf: cache of thumbnails, 35% faster
Read the log and tell what failed.\n10:02:11 start build 5571\n10:02:48 lint ok\n10:03:20 test: 412 passed, 1 failed (tests/test_tide.py::test_spring)\n10:03:21 exit 1
Write an essay plan: Should museums be free? Introduction, three arguments, one counter-argument, conclusion.
"""

LISTS = {
    "food": "lentils mushrooms chickpeas mango spinach pumpkin tofu salmon beetroot figs".split(),
    "food2": "quinoa yoghurt pasta walnuts avocado".split(),
    "stain": "coffee grass wine curry ink".split(),
    "sport": "cricket badminton curling rugby handball chess".split(),
    "place": ["Lisbon", "Kyoto", "the Isle of Skye", "Marrakesh", "Patagonia", "Savannah", "the Black Forest", "Jordan"],
    "dish": ["Caesar salad", "Bolognese sauce", "Margherita pizza", "Beef Wellington", "Caprese salad"],
    "book": ["Moby Dick", "Anna Karenina", "Robinson Crusoe", "Jane Eyre", "Don Quixote", "Oliver Twist"],
    "film": ["Forrest Gump", "Casablanca", "Amélie", "The Truman Show", "Jackie Brown"],
    "product": ["the Kindle Paperwhite", "a Nintendo Switch", "the Garmin Fenix 7", "a Weber grill", "the Dyson V11"],
    "product2": ["a Samsung Galaxy tablet", "the Fitbit Charge", "a Bosch drill", "the Canon EOS R6"],
    "monument": ["the Eiffel Tower", "Hagia Sophia", "the Brandenburg Gate", "Angkor Wat", "the Washington Monument"],
    "country": ["Portugal", "Kenya", "Vietnam", "Chile", "Finland", "Georgia", "Jordan", "Chad"],
    "famous": ["Marie Curie", "Napoleon", "Cleopatra", "Mozart", "Leonardo da Vinci", "Isaac Newton", "Frida Kahlo"],
    "famous2": ["Albert Einstein", "Julius Caesar", "Beethoven", "Galileo", "Florence Nightingale"],
    "illness": ["the flu", "diabetes", "migraine", "asthma", "anaemia", "Lyme disease"],
    "drug": ["ibuprofen", "paracetamol", "metformin", "sertraline"],
}  # fmt: skip

SETS = {
    "everyday": EVERYDAY, "history": HISTORY, "health and money": HEALTH_AND_MONEY, "business": BUSINESS, "fiction": FICTION,
    "code": CODE, "numbers": NUMBERS, "namesakes": NAMESAKES, "longer": LONGER,
}  # fmt: skip

FILLS = 4
"""Prompts from one line with a list in it."""
