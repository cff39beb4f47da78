// Pages of the books: ask before what cannot be taken back, show a chosen month at once.
import { confirmForms, submitOnChange } from "./charging.js";

confirmForms();
submitOnChange();
